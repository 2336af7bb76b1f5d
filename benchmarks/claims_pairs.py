"""The differences that docs/results.md tells beside the claims: AUPRC of one row less another's, over people.

    python benchmarks/claims_pairs.py RUN/tumour
    python benchmarks/claims_pairs.py RUN/seed-2/tumour
    python benchmarks/claims_pairs.py RUN/tumour --against OTHER/tumour

First what each row marks in healthy people, and its mean over the sets. RUN is the folder of `pseudohealthy benchmark
semi-real` or `semi-real-all`; the last part of a folder is the annotated set, and `RUN/seed-2/tumour` stands for all
folds of a seed. Pairs with a row that a folder lacks are left out. A person's value is the mean over the sets; 95 % by
bootstrap.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pseudohealthy.evaluate.persons import person_means, scan_values
from pseudohealthy.evaluate.statistics import bootstrap_mean
from pseudohealthy.evaluate.table import CaseResult, read_cases

SETS = ("tumour", "stroke", "ms", "wmh", "haemorrhage", "ventricle", "mass")
PAIRS = (  # the first five are the claims
    ("sadm_res", "cddpm", "annotated"),
    ("sadm_res", "cddpm", "unseen"),
    ("sadm_res_draem", "cddpm", "all"),
    ("unet_res", "unet", "all"),
    ("cddpm", "zmap", "all"),
    ("unet_res", "unet_res_input", "all"),
    ("unet_res", "unet_res_input", "mass"),
    ("unet_res", "unet_res_population", "all"),
    ("unet_res", "unet_res_population", "mass"),
    ("unet_res_draem", "unet_res", "tumour"),
    ("unet_res_draem", "unet_res", "stroke"),
    ("unet_res_draem", "unet_res", "unseen"),
    ("sadm_res_draem", "unet_res_draem", "all"),
    ("sadm_res", "unet_res", "unseen"),
    ("unet_res", "unet_res_input", "stroke"),
    ("unet_res", "unet_res_population", "stroke"),
    ("cddpm", "zmap_dark", "ventricle"),
    ("dae", "cddpm", "all"),
    ("rd", "cddpm", "all"),
    ("draem", "cddpm", "all"),
    ("disyre", "cddpm", "all"),
    ("ddpm", "cddpm", "all"),
    ("dae", "zmap", "all"),
    ("disyre", "sadm_res_draem", "all"),
    ("disyre", "sadm_res_draem", "unseen"),
    ("sadm_res_draem", "dae", "all"),
    ("sadm_res_draem", "draem", "all"),
    ("sadm_res", "dae", "unseen"),
)
SAME = tuple(
    (row, row, where) for row in ("unet_res", "sadm_res", "sadm_res_draem") for where in ("all", "annotated", "unseen")
)


def sets_of(where: str, annotated: str) -> Sequence[str]:
    """`all`, `annotated`, `unseen` (all but the annotated one) or one set by its name."""
    named = {"all": SETS, "annotated": (annotated,), "unseen": [name for name in SETS if name != annotated]}
    return named.get(where, (where,))


def cases_of(folder: Path) -> list[CaseResult]:
    """The cases of a direction, or of those of a seed's folds."""
    pooled = folder / "cases.tsv"
    tables = [pooled] if pooled.is_file() else sorted(folder.parent.glob(f"fold-*/{folder.name}/cases.tsv"))
    return [case for table in tables for case in read_cases(table)]


def read(folder: Path) -> dict[tuple[str, str, str], float]:
    """(row, set, person) -> AUPRC on the native grid, the mean over a person's lesions and seeds."""
    cases = cases_of(folder)
    return {
        (row, test_set, person): value
        for row in dict.fromkeys(case.row for case in cases)
        for test_set in SETS
        for person, value in person_means(scan_values(cases, row, test_set, "auprc")).items()
    }


def marked_ml(folder: Path) -> dict[str, dict[str, float]]:
    """Row -> person -> volume marked in the healthy scan at the stored threshold."""
    cases = cases_of(folder)
    rows = dict.fromkeys(case.row for case in cases)
    return {row: person_means(scan_values(cases, row, "healthy", "volume_ml")) for row in rows}


def main() -> None:
    """Print a line a row, and a line a pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path, help="another run: the same row here less there, people of both")
    args = parser.parse_args()
    here = read(args.folder)
    there = here if args.against is None else read(args.against)
    people = sorted({who for _, _, who in here} & {who for _, _, who in there})

    def mean(found: dict[tuple[str, str, str], float], row: str, sets: Sequence[str], who: str) -> float:
        return float(np.mean([found[row, one, who] for one in sets]))

    for case_row, volumes in marked_ml(args.folder).items():
        most = ", ".join(f"{who} {ml:.1f}" for who, ml in sorted(volumes.items(), key=lambda item: -item[1])[:4])
        print(f"{case_row}: {sum(volumes.values()):.1f} ml marked in {len(volumes)} healthy people, most in {most}")
    for row in dict.fromkeys(row for row, _, _ in here):
        print(f"{row}: {np.mean([mean(here, row, SETS, who) for who in people]):.3f}")
    rows = [{row for row, _, _ in found} for found in (here, there)]
    for first, second, where in PAIRS if args.against is None else SAME:
        if first not in rows[0] or second not in rows[1]:
            continue
        sets = sets_of(where, args.folder.name)
        apart = bootstrap_mean(
            [mean(here, first, sets, who) - mean(there, second, sets, who) for who in people], people, 0
        )
        low, high = apart.interval or (float("nan"), float("nan"))
        print(f"{first} - {second}, {where}: {apart.mean:+.3f} ({low:+.3f} to {high:+.3f})")


if __name__ == "__main__":
    main()
