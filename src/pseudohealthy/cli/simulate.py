"""`pseudohealthy simulate`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from pseudohealthy.io.cohort import Cohort
    from pseudohealthy.virtual.cohort import Group


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the BIDS dataset")
    parser.add_argument("--n", type=int, help="scans of each pathology (default: 10; with --hosts one a host)")
    parser.add_argument(
        "--pathology",
        nargs="+",
        metavar="KIND",
        help="healthy, tumour, stroke, ms, wmh, haemorrhage, sham; with --hosts ventricle, mass (default: healthy)",
    )
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="KIND:N:SPLIT",
        help="instead of --n, --pathology, --split: so many subjects of a kind on a side: healthy:24:train; repeat it",
    )
    parser.add_argument("--split", default="", help="value of the split column, such as train or test")
    parser.add_argument("--spacing-mm", type=float, help="voxel size (default: 1; with --hosts each scan's own)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the cohort (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")
    real = parser.add_argument_group("lesions on real scans")
    real.add_argument("--hosts", type=Path, metavar="DATASET", help="healthy scans to paint on, with tissue label maps")
    real.add_argument("--labels", metavar="PATTERN", help="names of the label maps (default: *desc-tissue*dseg*)")
    real.add_argument(
        "--masks",
        action="append",
        default=[],
        metavar="KIND=FOLDER",
        help="real lesion masks in MNI152 space, which stroke and ms need; repeat it",
    )
    real.add_argument(
        "--exclude-mask", action="append", default=[], metavar="NAME", help="file or patient not to be used; repeat it"
    )


def run(args: argparse.Namespace) -> None:
    """Do it."""
    import logging

    from pseudohealthy.errors import ConfigError

    if args.n is not None and args.n < 1:
        raise ConfigError("--n", found=str(args.n), needed="at least 1", fix="For example: --n 10")
    if args.spacing_mm is not None and not 0.5 <= args.spacing_mm <= 4:
        raise ConfigError(
            "--spacing-mm", found=f"{args.spacing_mm:g}", needed="0.5 to 4 mm", fix="For example: --spacing-mm 1"
        )
    cohort = _on_hosts(args) if args.hosts else _virtual(args)
    what = "painted" if args.hosts else "virtual"
    logging.getLogger("pseudohealthy").info("%d %s scans written to %s", len(cohort), what, args.out)


def _virtual(args: argparse.Namespace) -> Cohort:
    from pseudohealthy.errors import ConfigError
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.virtual.cohort import simulate
    from pseudohealthy.virtual.lesions import PATHOLOGIES

    if args.masks or args.labels or args.exclude_mask:
        raise ConfigError(
            "--masks, --labels, --exclude-mask",
            found="no --hosts",
            needed="scans to paint on",
            fix="Add --hosts DATASET.",
        )
    groups = _groups(args, 10, PATHOLOGIES)
    with RunFolder.open(args.out, overwrite=args.overwrite) as folder:
        return simulate(folder.path, groups, args.seed, 1.0 if args.spacing_mm is None else args.spacing_mm)


def _on_hosts(args: argparse.Namespace) -> Cohort:
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.virtual.host_files import LABELS, find_hosts
    from pseudohealthy.virtual.host_groups import share_hosts
    from pseudohealthy.virtual.host_paint import HOST_KINDS
    from pseudohealthy.virtual.painted_cohort import paint_cohort

    masks = _masks(args.masks, [kind for kind, known in HOST_KINDS.items() if known.takes_mask])
    hosts = find_hosts(args.hosts, args.labels or LABELS)
    wanted = share_hosts({host.name: host.case.subject for host in hosts}, _groups(args, len(hosts), HOST_KINDS))
    with RunFolder.open(args.out, overwrite=args.overwrite) as folder:
        return paint_cohort(folder.path, hosts, wanted, args.seed, args.spacing_mm, masks, exclude=args.exclude_mask)


def _groups(args: argparse.Namespace, n: int, kinds: Collection[str]) -> list[Group]:
    from pseudohealthy.errors import ConfigError
    from pseudohealthy.virtual.cohort import Group

    beside = [name for name in ("n", "pathology", "split") if getattr(args, name)]
    if args.group and beside:
        raise ConfigError(
            "--group",
            found=" and ".join(f"--{name}" for name in beside),
            needed="one or the other: a group says its kind, number and split",
            fix="Leave them out, or write a --group for each kind.",
        )
    kinds_asked = args.pathology or ["healthy"]
    asked = [_group(text) for text in args.group] or [(kind, args.n or n, args.split) for kind in kinds_asked]
    unknown = [kind for kind, _, _ in asked if kind not in kinds]
    if unknown:
        raise ConfigError(
            "--pathology", found=", ".join(unknown), needed=f"some of {', '.join(kinds)}", fix="Check the spelling."
        )
    return [Group(*group) for group in asked]


def _group(text: str) -> tuple[str, int, str]:
    from pseudohealthy.errors import ConfigError

    kind, _, rest = text.partition(":")
    count, _, split = rest.partition(":")
    if not count.isdecimal() or int(count) < 1:
        raise ConfigError(
            f"--group {text}", found="no number", needed="KIND:N:SPLIT", fix="For example: --group healthy:24:train"
        )
    return kind, int(count), split


def _masks(texts: list[str], kinds: list[str]) -> dict[str, list[Path]]:
    """`stroke=FOLDER` ... -> kind -> folders."""
    from pseudohealthy.errors import ConfigError

    folders: dict[str, list[Path]] = {}
    for text in texts:
        kind, _, folder = text.partition("=")
        if kind not in kinds or not folder:
            raise ConfigError(
                f"--masks {text}",
                found="no folder" if kind in kinds else f"'{kind}', which takes no masks",
                needed=f"KIND=FOLDER, the kind one of {', '.join(kinds)}",
                fix="For example: --masks stroke=masks/",
            )
        folders.setdefault(kind, []).append(Path(folder))
    return folders
