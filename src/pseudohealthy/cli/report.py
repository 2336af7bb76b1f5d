"""`pseudohealthy report`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="what evaluate, demo, benchmark or train wrote; needs no scan, no model",
    )


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.cli.teller import Console
    from pseudohealthy.workflows.page_anew import page_anew

    for page in page_anew(args.folder):
        Console().log(f"{page} written")
