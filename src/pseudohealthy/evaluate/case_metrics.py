"""All metrics of one scan: one line of the per-case table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.score import metrics
from pseudohealthy.score.box import bounding_box
from pseudohealthy.score.ranking import rank
from pseudohealthy.score.surface import hd95_mm

CASE_METRICS = (
    "dice",
    "dice_oracle",
    "auprc",
    "auroc",
    "hd95_mm",
    "lesion_sensitivity",
    "false_lesions",
    "volume_error_ml",
    "fp_ml",
    "fp_clear_slices_ml",
    "volume_ml",
    "lesion_ml",
    "lesion_outside_ml",
    "excess_over_twin",
)


def case_metrics(
    score: NDArray[np.floating[Any]],
    threshold: float | None,
    lesion: NDArray[np.bool_] | None,
    brain_mask: NDArray[np.bool_],
    affine: NDArray[np.float64],
    twin_score: NDArray[np.floating[Any]] | None = None,
    *,
    ignored: NDArray[np.bool_] | None = None,
    slices_along: int = 2,
) -> dict[str, float | None]:
    """Metrics of one scan, counted inside the brain mask where nothing is ignored; undefined is None.

    Args:
        score: Anomaly score, 3-D.
        threshold: Stored threshold, the prediction is `score > threshold`; None where the row has none: then the
            metrics that need one are None.
        lesion: Reference mask, or None for a healthy scan.
        brain_mask: bool, same shape.
        affine: Array axes -> mm of the person, (4, 4): size and volume of a voxel.
        twin_score: Score of the same head without the lesion, on the same grid, where it is known (simulated scans).
        ignored: What is neither lesion nor healthy (`io/lesions.py`), same shape.
        slices_along: Axis along which slices follow each other (`slice_axis`); 0 on the model grid, which is (z, y, x).

    Returns:
        The keys of `CASE_METRICS`: those of `score/metrics.py` but `image_auroc`, which needs several scans, and
        `volume_ml` (predicted), `lesion_ml` (reference), `lesion_outside_ml` (reference outside the brain mask, counted
        nowhere else), `excess_over_twin` (mean score inside the lesion minus the mean of the twin's at the same place).

    Raises:
        ValueError: The arrays differ in shape, nothing is left of the brain mask, or a score is not finite.
    """
    everywhere = np.zeros_like(brain_mask) if lesion is None else lesion
    drawn = everywhere
    if ignored is not None:
        drawn, brain_mask = everywhere | ignored, brain_mask & ~ignored
    if not score.shape == everywhere.shape == brain_mask.shape or not brain_mask.any():
        raise ValueError("score, lesion and a non-empty brain mask of one shape are needed")
    box = bounding_box(brain_mask)
    brain, values = brain_mask[box], score[box]
    if not np.isfinite(values[brain]).all():
        raise ValueError("a score is not finite")
    reference = everywhere[box] & brain
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    voxel_ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000.0
    result: dict[str, float | None] = dict.fromkeys(CASE_METRICS)
    across = tuple(axis for axis in range(3) if axis != slices_along)
    drawn_slices = np.asarray(drawn.any(axis=across))[box[slices_along]]
    ranking = rank(values[reference], values[brain & ~reference])
    if ranking is not None:
        result |= {"dice_oracle": ranking.dice_oracle, "auprc": ranking.auprc, "auroc": ranking.auroc}
    if threshold is not None:
        prediction = (values > threshold) & brain
        result |= {
            "dice": metrics.dice(prediction, reference),
            "hd95_mm": hd95_mm(prediction, reference, spacing_mm),
            "lesion_sensitivity": metrics.lesion_sensitivity(prediction, reference, voxel_ml),
            "false_lesions": metrics.false_lesions(prediction, reference, voxel_ml),
            "volume_error_ml": metrics.volume_error_ml(prediction, reference, voxel_ml),
            "fp_ml": metrics.fp_ml(prediction, reference, voxel_ml),
            "fp_clear_slices_ml": metrics.fp_clear_slices_ml(prediction, brain, drawn_slices, voxel_ml, slices_along)
            if reference.any()
            else None,
            "volume_ml": float(np.count_nonzero(prediction) * voxel_ml),
        }
    result["lesion_ml"] = float(np.count_nonzero(reference) * voxel_ml)
    result["lesion_outside_ml"] = float((np.count_nonzero(everywhere) - np.count_nonzero(reference)) * voxel_ml)
    if twin_score is not None and reference.any():
        result["excess_over_twin"] = float(
            values[reference].mean(dtype=np.float64) - twin_score[box][reference].mean(dtype=np.float64)
        )
    return result


def slice_axis(affine: NDArray[np.float64]) -> int:
    """The axis along which slices follow each other: that of the thickest; the nearest to up where all are alike."""
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    upright = np.abs(affine[2, :3]) / spacing_mm
    return max(range(3), key=lambda axis: (round(float(spacing_mm[axis]), 3), float(upright[axis])))
