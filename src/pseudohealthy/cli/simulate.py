"""`pseudohealthy simulate`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the BIDS dataset")
    parser.add_argument("--n", type=int, default=10, help="subjects of each pathology (default: 10)")
    parser.add_argument(
        "--pathology",
        nargs="+",
        default=["healthy"],
        metavar="KIND",
        help="healthy, tumour, stroke, ms, wmh, haemorrhage, sham (default: healthy)",
    )
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="KIND:N:SPLIT",
        help="instead of the two above: so many subjects of a pathology on a side, such as healthy:24:train; repeat it",
    )
    parser.add_argument("--split", default="", help="value of the split column, such as train or test")
    parser.add_argument("--spacing-mm", type=float, default=1.0, help="voxel size (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the cohort (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    import logging

    from pseudohealthy.errors import ConfigError
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.virtual.cohort import Group, simulate
    from pseudohealthy.virtual.lesions import PATHOLOGIES

    asked = [_group(text) for text in args.group] or [(kind, args.n, args.split) for kind in args.pathology]
    unknown = [kind for kind, _, _ in asked if kind not in PATHOLOGIES]
    if unknown:
        raise ConfigError(
            "--pathology",
            found=", ".join(unknown),
            needed=f"some of {', '.join(PATHOLOGIES)}",
            fix="Check the spelling.",
        )
    if args.n < 1:
        raise ConfigError("--n", found=str(args.n), needed="at least 1", fix="For example: --n 10")
    if not 0.5 <= args.spacing_mm <= 4:
        raise ConfigError(
            "--spacing-mm", found=f"{args.spacing_mm:g}", needed="0.5 to 4 mm", fix="For example: --spacing-mm 1"
        )
    groups = [Group(*group) for group in asked]
    with RunFolder.open(args.out, overwrite=args.overwrite) as folder:
        cohort = simulate(folder.path, groups, args.seed, args.spacing_mm)
    logging.getLogger("pseudohealthy").info("%d virtual scans written to %s", len(cohort), args.out)


def _group(text: str) -> tuple[str, int, str]:
    from pseudohealthy.errors import ConfigError

    kind, _, rest = text.partition(":")
    count, _, split = rest.partition(":")
    if not count.isdecimal() or int(count) < 1:
        raise ConfigError(
            f"--group {text}", found="no number", needed="KIND:N:SPLIT", fix="For example: --group healthy:24:train"
        )
    return kind, int(count), split
