"""The differences that docs/results.md tells beside the claims: AUPRC of one row less another's, over people.

    python benchmarks/claims_pairs.py RUN/tumour

RUN is the folder of `pseudohealthy benchmark semi-real` or `semi-real-all`; pairs with a row that it lacks are left
out. A person's value is the mean over the sets; 95 % by bootstrap.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pseudohealthy.evaluate.statistics import bootstrap_mean
from pseudohealthy.evaluate.table import read_cases

SETS = ("tumour", "stroke", "ms", "wmh", "haemorrhage", "ventricle", "mass")
PAIRS = (
    ("unet_res", "unet_res_input", SETS),
    ("unet_res", "unet_res_input", ("mass",)),
    ("unet_res", "unet_res_population", SETS),
    ("unet_res", "unet_res_population", ("mass",)),
    ("unet_res_draem", "unet_res", ("tumour",)),
    ("unet_res_draem", "unet_res", ("stroke",)),
    ("unet_res_draem", "unet_res", SETS[1:]),
    ("sadm_res_draem", "unet_res_draem", SETS),
    ("sadm_res", "unet_res", SETS[1:]),
    ("cddpm", "zmap_dark", ("ventricle",)),
    ("dae", "cddpm", SETS),
    ("rd", "cddpm", SETS),
    ("draem", "cddpm", SETS),
    ("disyre", "cddpm", SETS),
    ("ddpm", "cddpm", SETS),
    ("dae", "zmap", SETS),
    ("disyre", "sadm_res_draem", SETS),
    ("disyre", "sadm_res_draem", SETS[1:]),
    ("sadm_res_draem", "dae", SETS),
    ("sadm_res_draem", "draem", SETS),
    ("sadm_res", "dae", SETS[1:]),
)


def main() -> None:
    """Print a line a pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    cases = [case for case in read_cases(parser.parse_args().folder / "cases.tsv") if case.grid == "native"]
    found = {(case.row, case.test_set, case.subject): case.metrics["auprc"] for case in cases}
    people = sorted({case.subject for case in cases})
    rows = {case.row for case in cases}
    for first, second, sets in [pair for pair in PAIRS if {*pair[:2]} <= rows]:
        means = [[float(np.mean([found[row, one, who] for one in sets])) for who in people] for row in (first, second)]
        apart = bootstrap_mean([a - b for a, b in zip(*means, strict=True)], people, 0)
        low, high = apart.interval or (float("nan"), float("nan"))
        print(f"{first} - {second}, {', '.join(sets)}: {apart.mean:+.3f} ({low:+.3f} to {high:+.3f})")


if __name__ == "__main__":
    main()
