"""The layers of the viewer: scan, reconstruction, residual, score, in 8 bits, cut to the brain's box.

The score is stored as the number of thresholds of a fixed table that it is above. So the viewer's outline is the mask
of each of these thresholds, voxel by voxel, and not the mask of a rounded score.
"""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.io.nifti_bytes import nifti_bytes
from pseudohealthy.report.colours import grey_window, residual_scale

if TYPE_CHECKING:
    from pseudohealthy.io.volume import Volume
    from pseudohealthy.stages.prediction import Prediction

STEPS = 200
"""Thresholds 0, 1/200, ..., 1; the nearest one is replaced by the prediction's own."""

MOST_BYTES = 4_600_000
"""Of all layers, compressed. As text they grow by a third; program, pictures and words add about 2 MB to a page."""

_MOST_VOXELS = 6_000_000  # of one layer; more do not compress to MOST_BYTES, and trying costs time
_MARGIN_MM = 3.0


@dataclass(frozen=True, eq=False)
class Layer:
    """One volume of the viewer.

    Attributes:
        content: A gzipped NIfTI file of 8-bit voxels.
        low: What 0 stands for.
        high: What 255 stands for.
    """

    content: bytes
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Layers:
    """What the viewer shows, all on one grid.

    Attributes:
        layers: Name -> layer: `scan`, `reconstruction`, `residual`, `score`, and `truth` where there is one.
        shape: Voxels (x, y, z) of the grid.
        spacing_mm: Their size.
        coarser: How many of the scan's voxels make one, along each axis; (1, 1, 1) is the scan's own grid.
    """

    layers: dict[str, Layer]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    coarser: tuple[int, int, int]


def threshold_table(prediction: Prediction) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The thresholds between which the viewer chooses, and the volume above each, ml, on the scan's own grid."""
    own = prediction.threshold.value
    thresholds = np.arange(STEPS + 1) / STEPS
    thresholds[stored_step(own)] = own
    steps = _steps(prediction.score.data[prediction.brain_mask.data.astype(bool)], thresholds)
    at_most = np.cumsum(np.bincount(steps, minlength=len(thresholds) + 1))[: len(thresholds)]
    return thresholds, np.asarray((steps.size - at_most) * prediction.score.voxel_ml, np.float64)


def stored_step(threshold: float) -> int:
    """The place of the prediction's own threshold in the table."""
    return round(min(max(threshold, 0.0), 1.0) * STEPS)


def make_layers(
    prediction: Prediction, thresholds: NDArray[np.float64], lesion: Volume | None = None, most_bytes: int = MOST_BYTES
) -> Layers:
    """Bring a prediction into the form that a page can carry, coarser where it must.

    Args:
        prediction: Volumes on the scan's own grid, in any storage order.
        thresholds: The table, rising.
        lesion: Reference mask on the same grid, or None.
        most_bytes: What all layers may weigh, compressed.
    """
    scan = prediction.scan.canonical()
    brain = prediction.brain_mask.canonical().data.astype(bool)
    shown = brain if lesion is None else brain | lesion.canonical().data.astype(bool)
    box = _box(shown, scan.spacing_mm)
    size = [part.stop - part.start for part in box]
    coarser = [1, 1, 1]
    while True:
        if math.prod(math.ceil(n / f) for n, f in zip(size, coarser, strict=True)) <= _MOST_VOXELS:
            made = _encode(prediction, thresholds, lesion, box, coarser)
            if sum(len(layer.content) for layer in made.layers.values()) <= most_bytes:
                return made
        finest = min(range(3), key=lambda axis: coarser[axis] * scan.spacing_mm[axis])
        coarser[finest] += 1


def _encode(
    prediction: Prediction,
    thresholds: NDArray[np.float64],
    lesion: Volume | None,
    box: tuple[slice, ...],
    coarser: list[int],
) -> Layers:
    scan = prediction.scan.canonical()
    brain = prediction.brain_mask.canonical().data.astype(bool)
    affine = scan.affine.copy()
    affine[:3, 3] = (scan.affine @ [*(p.start + (f - 1) / 2 for p, f in zip(box, coarser, strict=True)), 1.0])[:3]
    affine[:3, :3] *= coarser

    def cut(data: NDArray[Any]) -> NDArray[np.float32]:
        return _mean(data[box].astype(np.float32), coarser)

    def layer(steps: NDArray[np.uint8], low: float, high: float) -> Layer:
        content = nifti_bytes(steps, affine, (high - low) / 255, low)
        return Layer(gzip.compress(content, compresslevel=6, mtime=0), low, high)

    grey = grey_window(scan.data, brain)
    reach = residual_scale(grey).high
    inside = cut(brain) >= 0.5
    image, healthy = cut(scan.data), cut(prediction.reconstruction.canonical().data)
    score = cut(prediction.score.canonical().data)
    # Step 128 is no difference; 0 is kept for what lies outside the brain.
    signed = np.where(inside, np.clip(np.rint((image - healthy) / reach * 127), -127, 127) + 128, 0).astype(np.uint8)
    made = {
        "scan": layer(_linear(image, grey.low, grey.high), grey.low, grey.high),
        "reconstruction": layer(_linear(healthy, grey.low, grey.high), grey.low, grey.high),
        "residual": layer(signed, -reach * 128 / 127, reach),
        # Step n means a score between the thresholds n - 1 and n: the middle is told.
        "score": layer(np.where(inside, _steps(score, thresholds), 0).astype(np.uint8), -0.5 / STEPS, 254.5 / STEPS),
    }
    if lesion is not None:
        made["truth"] = layer((cut(lesion.canonical().data) >= 0.5).astype(np.uint8), 0.0, 255.0)
    x, y, z = image.shape
    spacing = tuple(float(mm) for mm in np.linalg.norm(affine[:3, :3], axis=0))
    return Layers(made, (x, y, z), (spacing[0], spacing[1], spacing[2]), (coarser[0], coarser[1], coarser[2]))


def _steps(score: NDArray[np.floating[Any]], thresholds: NDArray[np.float64]) -> NDArray[np.intp]:
    """How many thresholds each score is above; compared in the score's own precision, as the mask is."""
    return np.searchsorted(thresholds.astype(score.dtype), score, side="left")


def _linear(data: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip((data - low) / (high - low), 0.0, 1.0) * 255), np.uint8)


def _box(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> tuple[slice, ...]:
    """The box around a mask with a small margin; everything where the mask is empty."""
    parts = []
    for axis, spacing in enumerate(spacing_mm):
        found = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        margin = math.ceil(_MARGIN_MM / spacing)
        last = mask.shape[axis]
        parts.append(
            slice(max(int(found[0]) - margin, 0), min(int(found[-1]) + margin + 1, last))
            if found.size
            else slice(0, last)
        )
    return tuple(parts)


def _mean(data: NDArray[np.float32], coarser: list[int]) -> NDArray[np.float32]:
    """Means of blocks; a last block that is cut off is filled up with its edge."""
    if coarser == [1, 1, 1]:
        return data
    padded = np.pad(data, [(0, -n % f) for n, f in zip(data.shape, coarser, strict=True)], mode="edge")
    blocks = [part for n, f in zip(padded.shape, coarser, strict=True) for part in (n // f, f)]
    return np.asarray(padded.reshape(blocks).mean(axis=(1, 3, 5)), np.float32)
