"""How much a lesion moves the intensity scale: the figures in `prepare/intensity.py`.

    python benchmarks/intensity_scale.py OASIS

OASIS is a BIDS dataset of skull-stripped healthy scans with tissue labels (`derivatives/labels/*desc-tissue*`, where
3 is white matter). Into the middle of each scan's white matter a ball is painted; printed is how far the mean of the
white matter outside the ball moves after scaling, with our scale and with the 99th percentile of the paper's
preparation.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

from pseudohealthy.io.bids import discover
from pseudohealthy.io.volume import read_volume
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.intensity import IntensityScale, fit_scale

LESIONS = {"50 ml, 1.3 x white matter": (50, 1.3), "100 ml, CSF": (100, 0.25), "100 ml, black": (100, 0.02)}


def percentile_scale(image, mask) -> IntensityScale:
    """The paper's: 1st and 99th percentile inside the mask."""
    zero, one = np.percentile(image.data[mask.data], [1, 99])
    return IntensityScale(float(zero), float(one))


def main(root: Path) -> None:
    """Print the figures of a dataset."""
    shifts: dict[tuple[str, str], list[float]] = {}
    ratios, levels = [], {"ours": [], "p99": []}
    for case in discover([root]):
        image = read_volume(case.image)
        mask = brain_mask(image)
        (labels,) = (root / "derivatives" / "labels" / case.name).rglob("*desc-tissue*.nii*")
        white = read_volume(labels).data == 3
        p1, p85, p99 = np.percentile(image.data[mask.data & (image.data != 0)], [1, 85, 99])
        ratios.append((p85 - p1) / (p99 - p1))
        centre = np.unravel_index(ndimage.distance_transform_edt(white).argmax(), white.shape)
        distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(np.indices(white.shape), centre, strict=True)))
        typical = np.median(image.data[white])
        for name, fit in (("ours", fit_scale), ("p99", percentile_scale)):
            levels[name].append(fit(image, mask).apply(image.data[white]).mean())
            for lesion, (ml, factor) in LESIONS.items():
                ball = mask.data & (distance < (3 * ml / image.voxel_ml / 4 / np.pi) ** (1 / 3))
                painted = image.like(np.where(ball, factor * typical, image.data).astype(np.float32))
                healthy = white & ~ball
                before = fit(image, mask).apply(image.data[healthy]).mean()
                after = fit(painted, mask).apply(image.data[healthy]).mean()
                shifts.setdefault((name, lesion), []).append(abs(after / before - 1))
    spread = f"median {np.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}"
    print(f"n = {len(ratios)}; (p85 - p1) / (p99 - p1): {spread}")
    for name, values in levels.items():
        print(f"{name}: white matter's mean differs between people by {100 * np.std(values) / np.mean(values):.1f} %")
    for (name, lesion), values in shifts.items():
        print(f"{name}: {lesion}: worst {100 * max(values):.1f} %, median {100 * np.median(values):.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
