"""`pseudohealthy split`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="BIDS dataset, folder, scans or table")
    parser.add_argument("--out", type=Path, required=True, help="table to write (TSV), for --data")
    parser.add_argument(
        "--share",
        nargs="+",
        required=True,
        metavar="NAME=SHARE",
        help="share of the subjects on each side, such as train=0.7 validation=0.15 test=0.15",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the division (default: 0)")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    import logging

    from pseudohealthy.errors import ConfigError, OutputError
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.cohort import write_cohort
    from pseudohealthy.io.splits import split_by_group
    from pseudohealthy.io.table import is_table

    shares = {}
    for item in args.share:
        name, _, share = item.partition("=")
        try:
            shares[name] = float(share)
        except ValueError as error:
            raise ConfigError(
                f"--share {item}", found="no number", needed="NAME=SHARE", fix="For example: --share train=0.8 test=0.2"
            ) from error
    if args.out.exists():
        raise OutputError(args.out, found="a file", needed="a new name", fix="Remove it or choose another --out.")
    if not is_table(args.out):
        raise OutputError(
            args.out, found="no table's name", needed="a .tsv or .csv file", fix="For example: --out cohort.tsv"
        )
    cohort = split_by_group(discover(args.inputs), shares, args.seed)
    write_cohort(cohort, args.out)
    counts = ", ".join(f"{name} {len(cohort.split(name))}" for name in shares)
    logging.getLogger("pseudohealthy").info("%s written: %s", args.out, counts)
