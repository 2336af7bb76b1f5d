"""What a stored threshold depends on: the same folds, had another of their healthy calibration scans set it.

    python benchmarks/alphas.py RUN tumour [--rows sadm_res unet_res ...] [--seeds 1] [--folds 0]

RUN is the folder of `pseudohealthy benchmark` with lesions painted on people, `tumour` the annotated pathology. Each
fold's model keeps the threshold that each healthy calibration scan asked for; their k-th smallest is what `calibrate
--alpha` chooses, the highest is what is stored where there are fewer than nine. For each k and for the policy `lesion`
this prints, over the people of all finished folds: Dice on the annotated pathology, volume marked in a healthy scan,
and the share of healthy scans with more than 1 ml. Between the 64 thresholds of `counts.tsv` Dice and volume are
interpolated, so that those of the stored threshold differ a little from what `cases.tsv` has.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.evaluate.counts import CaseCounts, read_counts
from pseudohealthy.evaluate.operating import dice_at
from pseudohealthy.score.counts import THRESHOLDS

ROWS = ("zmap", "zmap_dark", "cddpm", "unet_res", "sadm_res")


def main() -> None:
    """Print one table a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("annotated")
    parser.add_argument("--rows", nargs="+", default=ROWS)
    parser.add_argument("--seeds", default="*", help="their number (default: all)")
    parser.add_argument("--folds", default="*", help="their number (default: all that are finished)")
    args = parser.parse_args()
    folds = sorted(args.folder.glob(f"seed-{args.seeds}/fold-{args.folds}/{args.annotated}/counts.tsv"))
    print("row\tthreshold\tdice\thealthy_ml_mean\thealthy_ml_median\thealthy_above_1_ml\tn\tvalues")
    for row in args.rows:
        found: dict[str, list[tuple[float, CaseCounts]]] = defaultdict(list)
        for path in folds:
            counts = [one for one in read_counts(path) if one.row == row]
            for name, value in thresholds(path.parent, row):
                found[name] += [(value, one) for one in counts]
        for name, pairs in found.items():
            dice = [between(value, dice_at(one)) for value, one in pairs if one.test_set == args.annotated]
            ml = np.array([between(value, one.fp) * one.voxel_ml for value, one in pairs if one.test_set == "healthy"])
            values = " ".join(f"{value:.3f}" for value in dict.fromkeys(value for value, _ in pairs))
            print(
                f"{row}\t{name}\t{np.mean(dice):.3f}\t{ml.mean():.2f}\t{np.median(ml):.2f}\t{np.mean(ml > 1):.2f}\t"
                f"{len(ml)}\t{values}"
            )


def thresholds(fold: Path, row: str) -> Iterator[tuple[str, float]]:
    """Those that the healthy calibration scans asked for, lowest first, and that of the policy `lesion`."""
    for path in (fold / "model/calibration.json", *sorted(fold.parent.glob("stage-*/model/calibration.json"))):
        stored = json.loads(path.read_text(encoding="utf-8")).get(row)
        if stored:
            scans = sorted(stored["healthy"]["per_scan"])
            yield from ((f"{k} of {len(scans)}", value) for k, value in enumerate(scans, 1))
            if "lesion" in stored:
                yield "lesion", stored["lesion"]["value"]
            return


def between(threshold: float, values: NDArray[np.floating[Any]] | NDArray[np.integer[Any]]) -> float:
    """What `values`, one a threshold of the table, are at another threshold."""
    return float(np.interp(threshold, THRESHOLDS, values))


if __name__ == "__main__":
    main()
