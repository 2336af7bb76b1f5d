"""`pseudohealthy split`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="BIDS dataset, folder, scans or table")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write; a TSV is for --data")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--share",
        nargs="+",
        metavar="NAME=SHARE",
        help="share of the subjects on each side, such as train=0.7 validation=0.15 test=0.15",
    )
    how.add_argument("--folds", type=int, metavar="K", help="cross-validation in K folds, without calibration and test")
    how.add_argument(
        "--from",
        nargs="+",
        dest="files",
        metavar="FILE[=NAME]",
        help="as a file says: table with case and split or fold, splits_final.json, MONAI datalist, the paper's tables",
    )
    parser.add_argument(
        "--stratify", nargs="+", default=[], metavar="COLUMN", help="sides alike in these, such as age site lesion_ml"
    )
    parser.add_argument("--fold", type=int, metavar="N", help="which fold of --from is for validation")
    parser.add_argument(
        "--format",
        choices=("table", "nnunet", "monai"),
        help="of --out (default: by its name: .tsv and .csv table, splits_final.json nnunet, other .json monai)",
    )
    parser.add_argument(
        "--trust-names", action="store_true", help="do not read the scans to find the same brain under two names"
    )
    parser.add_argument("--seed", type=int, help="seed of the division (default: 0)")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    import logging

    from pseudohealthy.cli.teller import Console
    from pseudohealthy.errors import ConfigError, PartialFailure
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.split_files import checked_format, write_division
    from pseudohealthy.stages.progress import progress
    from pseudohealthy.workflows import split_cohort as work

    tell = logging.getLogger("pseudohealthy").info
    seed = args.seed or 0
    if seed < 0:
        raise ConfigError("--seed", found=str(seed), needed="0 or more", fix="For example: --seed 1")
    if args.fold is not None and not args.files:
        raise ConfigError(
            "--fold", found="no --from", needed="a file with folds", fix="Add --from, or leave --fold out."
        )
    for option, value in (("--stratify", args.stratify or None), ("--seed", args.seed)):
        if args.files and value is not None:
            raise ConfigError(
                option, found="--from, whose file divides", needed="--share or --folds", fix=f"Leave {option} out."
            )
    kind = checked_format(args.out, args.format)
    shares = work.shares_from(args.share) if args.share else None
    applied = work.apply_files(args.inputs, work.files_from(args.files), args.fold) if args.files else None
    cohort = applied.cohort if applied else discover(args.inputs)
    same = None
    if not args.trust_names:
        with progress(Console(), "compare", len(cohort)) as advance:
            same = work.compare(cohort, advance, fixed=applied is not None)
        for sentence in same.sentences():
            tell("%s", sentence)
    if applied is None:
        cohort = work.divide(cohort, seed, shares=shares, folds=args.folds, stratify=args.stratify, same=same)
    else:
        for sentence in applied.sentences():
            tell("%s", sentence)
    write_division(cohort, args.out, kind)
    tell("%s written: %s", args.out, ", ".join(f"{name} {count}" for name, count in work.sizes(cohort).items()))
    if applied and applied.missing:
        raise PartialFailure(dict.fromkeys(applied.missing, "no scan"), len(cohort))
