"""What intensity alone finds in patients with glioma: bright FLAIR, dark T1w (docs/results-glioma.md).

    python benchmarks/glioma_thresholds.py LGG OUT.tsv

LGG is a BIDS dataset of whole heads with `T1w`, `FLAIR` on the same voxels, and lesion masks. The brain is found in the
T1w scan (deepbet); patients without a plausible brain are named and left out. The score is the intensity over the
median of the brain, smoothed by a median filter of 5 mm, in the slice alone where slices are thicker than 3 mm. It
learns nothing and has no threshold, so best Dice and AUPRC are what it has.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.errors import ImageError
from pseudohealthy.evaluate.case_metrics import case_metrics
from pseudohealthy.evaluate.statistics import bootstrap_mean
from pseudohealthy.evaluate.table import CaseResult, write_cases
from pseudohealthy.io.bids import discover
from pseudohealthy.io.lesions import read_lesion_mask
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.strip import find_brain

FILTER_MM, THICK_MM = 5.0, 3.0
ROWS = {"constant": ("T1w", 0), "T1w, dark": ("T1w", -1), "FLAIR, bright": ("FLAIR", 1)}


def score(image: Volume, brain: NDArray[np.bool_], sign: int) -> NDArray[np.float32]:
    """Intensity over the brain's median, times the sign, filtered."""
    size = [1 if mm > THICK_MM else max(1, round(FILTER_MM / mm) // 2 * 2 + 1) for mm in image.spacing_mm]
    relative = np.where(brain, image.data / np.median(image.data[brain]), 1.0)
    return np.asarray(sign * ndimage.median_filter(relative, size), np.float32)


def main() -> None:
    """Print the table."""
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    results = []
    for case in discover([root]):
        scan = read_volume(case.image)
        lesion = read_lesion_mask(case, scan)
        try:
            brain = brain_mask(scan, find_brain(scan)).data
        except ImageError as error:
            print(f"{case.name} left out: {error}", flush=True)
            continue
        if lesion is None:
            continue
        for row, (contrast, sign) in ROWS.items():
            image = read_volume(Path(str(case.image).replace("T1w", contrast)))
            if image.shape != scan.shape or not np.allclose(image.affine, scan.affine, atol=1e-3):
                raise SystemExit(f"{case.name}: {contrast} does not lie on the voxels of T1w")
            values = case_metrics(score(image, brain, sign), None, lesion.lesion.data, brain, scan.affine)
            results.append(CaseResult(row, "glioma", case.name, case.subject, "native", values))
        print(case.name, {one.row: one.metrics["dice_oracle"] for one in results[-len(ROWS) :]}, flush=True)
    write_cases(results, out)
    for row in ROWS:
        mine = [one for one in results if one.row == row]
        for metric in ("dice_oracle", "auprc"):
            found = bootstrap_mean([one.metrics[metric] for one in mine], [one.subject for one in mine], 0)
            print(f"{row}: {metric} {found.mean:.3f} ({found.low:.3f} to {found.high:.3f}), n = {found.subjects}")


if __name__ == "__main__":
    main()
