"""Connected lesions of a mask: 26-connected, from 0.1 ml on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.score.box import bounding_box

MIN_LESION_ML = 0.1
_ROUNDING = 1e-9  # 0.1 ml of 0.001 ml voxels is 100 voxels, whatever the last bit of the voxel's volume says


@dataclass(frozen=True)
class Lesion:
    """One connected piece of a lesion mask.

    Attributes:
        volume_ml: Its volume.
        centroid_mm: Mean position of its voxels in world coordinates (RAS+, mm).
        peak: Highest score inside.
        mean: Mean score inside.
    """

    volume_ml: float
    centroid_mm: tuple[float, float, float]
    peak: float
    mean: float


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the 26-connected pieces of a 3-D mask: (labels, how many); 0 is background."""
    labels = np.zeros(mask.shape, dtype=np.int32)
    box = bounding_box(mask)
    if mask[box].size == 0:
        return labels, 0
    count = ndimage.label(mask[box], structure=np.ones((3, 3, 3), dtype=np.int8), output=labels[box])
    return labels, int(count)


def countable(labels: NDArray[np.int32], count: int, voxel_ml: float, min_ml: float) -> NDArray[np.intp]:
    """Numbers of the components that are large enough to be counted as lesions."""
    volumes_ml = np.bincount(labels.ravel(), minlength=count + 1) * voxel_ml
    volumes_ml[0] = 0.0
    return np.flatnonzero(volumes_ml >= min_ml * (1.0 - _ROUNDING))


def lesion_table(
    mask: NDArray[np.bool_],
    score: NDArray[np.floating[Any]],
    affine: NDArray[np.float64],
    min_ml: float = MIN_LESION_ML,
) -> list[Lesion]:
    """The lesions of a mask, largest first. Pieces below `min_ml` are in the mask's volume but not in this list.

    Args:
        mask: bool, 3-D.
        score: Anomaly score of the same shape.
        affine: (4, 4) voxel index -> world mm.
        min_ml: Smallest lesion, in ml.
    """
    labels, count = components(mask)
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000.0
    wanted = countable(labels, count, voxel_ml, min_ml)
    where = np.nonzero(labels)
    numbers, inside = labels[where], score[where].astype(np.float64)
    voxels = np.bincount(numbers, minlength=count + 1)
    means = np.bincount(numbers, weights=inside, minlength=count + 1)
    peaks = np.full(count + 1, -np.inf)
    np.maximum.at(peaks, numbers, inside)
    index_sums = np.stack([np.bincount(numbers, weights=axis, minlength=count + 1) for axis in where])
    found = []
    for number in sorted(wanted, key=lambda item: (-voxels[item], item)):
        x, y, z = affine[:3, :3] @ (index_sums[:, number] / voxels[number]) + affine[:3, 3]
        found.append(
            Lesion(
                volume_ml=float(voxels[number] * voxel_ml),
                centroid_mm=(float(x), float(y), float(z)),
                peak=float(peaks[number]),
                mean=float(means[number] / voxels[number]),
            )
        )
    return found
