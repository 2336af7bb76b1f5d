"""Which axial slices are shown, and how voxels lie in a picture: left on a fixed side, the brain's box."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.score.lesions import MIN_LESION_ML, components, countable

CONVENTION = "Radiological convention: the patient's left (L) is on the right of each picture, anterior is up."

_MARGIN_MM = 3.0
_APART_MM = 4.0  # nearer slices show the same anatomy
_FAIR_SHARE = 0.3  # of the largest slice's brain: what an overview shows


def axial(data: NDArray[Any], k: int) -> NDArray[Any]:
    """One axial slice as a picture (row, column): row 0 anterior, column 0 the patient's right.

    Args:
        data: Voxels (x, y, z) in canonical order: x to the patient's left-to-right, y to anterior, z upwards (RAS+).
        k: Index along z.
    """
    return data[::-1, ::-1, k].T


def crop(brain: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> tuple[slice, slice]:
    """Columns and rows (x, y) of the box around the brain with a small margin; everything where there is no brain."""
    box = []
    for axis, spacing in ((0, spacing_mm[0]), (1, spacing_mm[1])):
        inside = np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))
        if inside.size == 0:
            return slice(0, brain.shape[0]), slice(0, brain.shape[1])
        margin = int(np.ceil(_MARGIN_MM / spacing))
        box.append(slice(max(int(inside[0]) - margin, 0), int(inside[-1]) + margin + 1))
    return box[0], box[1]


def best_slice(brain: NDArray[np.bool_], predicted: NDArray[np.bool_], lesion: NDArray[np.bool_] | None = None) -> int:
    """Index along z of the slice with most reference lesion, else most predicted lesion, else the brain's middle."""
    for mask in (lesion, predicted):
        if mask is not None and mask.any():
            return _widest(mask.sum(axis=(0, 1)))
    inside = np.flatnonzero(brain.any(axis=(0, 1)))
    return int(inside[inside.size // 2]) if inside.size else brain.shape[2] // 2


def survey(
    brain: NDArray[np.bool_],
    findings: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    count: int,
) -> list[int]:
    """Slices through the findings, largest first, filled up with an overview of the brain; sorted, lowest first.

    Each 26-connected finding of at least 0.1 ml is shown where its area is largest, unless a chosen slice already cuts
    it near there. The rest go, one by one, to the place that is farthest from all chosen ones.

    Args:
        brain: Brain mask (x, y, z), canonical order.
        findings: What has to be seen, same shape.
        spacing_mm: Voxel size.
        count: How many slices, at most.
    """
    apart = max(_APART_MM / spacing_mm[2], 1.0)
    chosen: list[int] = []
    labels, number = components(findings)
    sizes = np.bincount(labels.ravel(), minlength=number + 1)
    boxes = ndimage.find_objects(labels)
    large = countable(labels, number, math.prod(spacing_mm) / 1000.0, MIN_LESION_ML)
    for label in sorted(large, key=lambda item: -sizes[item])[: 4 * count]:
        area = np.zeros(labels.shape[2], np.intp)
        area[boxes[label - 1][2]] = (labels[boxes[label - 1]] == label).sum(axis=(0, 1))
        seen = any(area[k] >= 0.5 * area.max() for k in chosen)
        k = _widest(area)
        if len(chosen) < count and not seen and all(abs(k - other) >= apart for other in chosen):
            chosen.append(k)
    worth = _worth_showing(brain)
    while len(chosen) < count:
        distance = np.abs(worth[:, None] - np.array(chosen or [worth[0] - 1, worth[-1] + 1])).min(axis=1)
        farthest = int(np.argmax(distance))
        if distance[farthest] < apart:
            break
        chosen.append(int(worth[farthest]))
    return sorted(chosen)


def _widest(area: NDArray[np.intp]) -> int:
    """The slice with the largest area, the middle one of equals."""
    equals = np.flatnonzero(area == area.max())
    return int(equals[equals.size // 2])


def _worth_showing(brain: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Slices with a fair piece of brain; all where there is no brain."""
    area = brain.sum(axis=(0, 1))
    return np.flatnonzero(area >= _FAIR_SHARE * area.max())
