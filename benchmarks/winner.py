"""The winner of `trials.py`, once, on people that nothing was tuned on.

    python benchmarks/winner.py RUN/seed-1 --fold 0 [--annotated tumour] --out winner.tsv

RUN is the folder of `pseudohealthy benchmark semi-real`, with Stage I and `unet_res` of the fold trained. The people
are those that the fold tests. Compared: x~ by SSIM (the paper's) and by Mahalanobis distance times SSIM, alone and
fused with y^; y^ as the mean over all reconstructions (the paper's) and from one pass on their mean. Paired differences
over people with 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from trials import Map, Scan, note_into, read_scans, segment_with, show, sides_of

from pseudohealthy.evaluate.statistics import bootstrap_mean
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.table import write_table
from pseudohealthy.score.maps import anomaly_map
from pseudohealthy.score.median import median_in_mask
from pseudohealthy.stages.model_folder import Model, load_model

PAIRS = (
    ("mahalanobis", "ssim"),
    ("mahalanobis + y^", "ssim + y^"),
    ("y^ once on the mean", "y^"),
    ("mahalanobis + y^ once", "ssim + y^"),
)


def scores_of(model: Model, scan: Scan) -> dict[str, Map]:
    """Every score that is compared."""
    if model.segmenter is None:
        raise SystemExit("the model has no Stage II")
    edge = model.recipe.score.median_voxels
    alone = {
        name: np.clip(median_in_mask(anomaly_map(name, scan.x, scan.views, scan.mask), scan.mask, edge), 0, 1)
        for name in ("ssim", "mahalanobis")
    }
    y = segment_with(model.segmenter, scan, scan.views)
    once = segment_with(model.segmenter, scan, scan.views.mean(axis=0, keepdims=True))
    fused = {f"{name} + y^": 0.5 * x_tilde + 0.5 * y for name, x_tilde in alone.items()}
    return {
        **alone,
        "y^": y,
        "y^ once on the mean": once,
        **fused,
        "mahalanobis + y^ once": 0.5 * alone["mahalanobis"] + 0.5 * once,
    }


def main() -> None:
    """Score, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--annotated", default="tumour")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    fold = args.folder / f"fold-{args.fold}"
    model = load_model(fold / args.annotated / "stage-2-unet_res" / "model")
    found: list[dict[str, str]] = []
    subject_of: dict[str, str] = {}
    tested = sides_of(args.folder, args.fold, args.annotated).tested
    for case in tested:
        for scan in read_scans(model, Cohort([case]), seeds=1):
            subject_of[case.name] = case.subject
            for row, score in scores_of(model, scan).items():
                note_into(found, row, scan, score)
    write_table(args.out, list(found[0]), found)
    show(found)
    sets = list(dict.fromkeys(one["set"] for one in found))
    print(f"\n| AUPRC, paired | {' | '.join(sets)} |\n|{'---|' * (len(sets) + 1)}")
    for first, second in PAIRS:
        cells = []
        for name in sets:
            of = {
                row: {one["case"]: float(one["auprc"]) for one in found if (one["row"], one["set"]) == (row, name)}
                for row in (first, second)
            }
            differences = [of[first][case] - of[second][case] for case in of[first]]
            e = bootstrap_mean(differences, [subject_of[case] for case in of[first]], 0)
            low, high = e.interval or (float("nan"), float("nan"))
            cells.append(f"{e.mean:+.3f} ({low:+.3f} to {high:+.3f})")
        print(f"| {first} - {second} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
