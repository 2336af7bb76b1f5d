"""`pseudohealthy check`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="datasets, folders, scans, tables or DICOM folders"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--series", metavar="N|UID", help="which series of a DICOM folder with several")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    import json
    import sys
    import tempfile

    from pseudohealthy.cli.teller import Console
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.dicom import as_nifti
    from pseudohealthy.stages.progress import progress
    from pseudohealthy.workflows.check_cohort import check_cohort
    from pseudohealthy.workflows.check_table import as_text

    with tempfile.TemporaryDirectory(prefix="pseudohealthy-") as folder:
        cohort = discover(as_nifti(args.inputs, Path(folder), args.series))
        with progress(Console(), "check", len(cohort)) as advance:
            checked = check_cohort(cohort, advance)
    if args.json:
        text = json.dumps(checked.as_json(), indent=1, allow_nan=False, ensure_ascii=False)
    else:
        text = as_text(checked)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    checked.fail_if_unusable()
