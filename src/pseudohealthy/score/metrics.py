"""Metrics of one scan, and what they say where they are not defined.

Masks are bool and 3-D; volumes in ml; a prediction is `score > threshold` inside the brain mask. An undefined metric is
None (null in files): never NaN, never a made-up 0 or 1. Lesions are 26-connected and at least 0.1 ml.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.score.lesions import MIN_LESION_ML, components, countable
from pseudohealthy.score.ranking import rank

FOUND_SHARE = 0.1  # of a reference lesion's voxels

# What each metric is where the scan has no lesion; where it has one and nothing is predicted; where neither is; and
# for a constant score. `value` means that the formula holds; p is the lesion's share of the brain mask.
#                        no lesion   no prediction  neither   constant score
POLICY: Mapping[str, tuple[str, str, str, str]] = {
    "dice":               ("None",   "0",           "None",   "value"),
    "dice_oracle":        ("None",   "value",       "None",   "2p/(1+p)"),
    "auprc":              ("None",   "value",       "None",   "p"),
    "auroc":              ("None",   "value",       "None",   "0.5"),  # None too where the lesion fills the brain
    "hd95_mm":            ("None",   "None",        "None",   "value"),
    "lesion_sensitivity": ("None",   "0",           "None",   "value"),  # None too where all lesions are below 0.1 ml
    "false_lesions":      ("value",  "0",           "0",      "value"),
    "volume_error_ml":    ("value",  "-lesion_ml",  "0",      "value"),
    "fp_ml":              ("value",  "0",           "0",      "value"),
    "fp_clear_slices_ml": ("None",   "0",           "None",   "value"),  # None too where every slice has lesion
    "image_auroc":        ("value",  "value",       "value",  "value"),  # over scans; None where a group has none
}  # fmt: skip
# Where a row has no stored threshold, every metric that needs one is None.


def dice(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float | None:
    """2 |A and B| / (|A| + |B|) of two masks; None where the reference is empty."""
    wanted = np.count_nonzero(reference)
    if wanted == 0:
        return None
    return float(2.0 * np.count_nonzero(prediction & reference) / (np.count_nonzero(prediction) + wanted))


def dice_oracle(
    score: NDArray[np.floating[Any]], reference: NDArray[np.bool_], brain_mask: NDArray[np.bool_]
) -> float | None:
    """Exact best Dice over all thresholds of this scan, inside the brain mask; None where no lesion lies there.

    It has seen the answer: never to be mixed with `dice`, which is at a stored threshold.
    """
    ranking = rank(score[brain_mask & reference], score[brain_mask & ~reference])
    return None if ranking is None else ranking.dice_oracle


def lesion_sensitivity(
    prediction: NDArray[np.bool_], reference: NDArray[np.bool_], voxel_ml: float, min_ml: float = MIN_LESION_ML
) -> float | None:
    """Share of reference lesions (26-connected, at least `min_ml`) of which at least 10 % of the voxels are predicted.

    None where no reference lesion is that large.
    """
    labels, count = components(reference)
    wanted = countable(labels, count, voxel_ml, min_ml)
    if wanted.size == 0:
        return None
    voxels = np.bincount(labels.ravel(), minlength=count + 1)[wanted]
    covered = np.bincount(labels[prediction], minlength=count + 1)[wanted]
    return float(np.mean(covered >= FOUND_SHARE * voxels))


def false_lesions(
    prediction: NDArray[np.bool_], reference: NDArray[np.bool_], voxel_ml: float, min_ml: float = MIN_LESION_ML
) -> float:
    """Number of predicted lesions (26-connected, at least `min_ml`) that share no voxel with the reference."""
    labels, count = components(prediction)
    touching = np.unique(labels[reference])
    return float(np.setdiff1d(countable(labels, count, voxel_ml, min_ml), touching).size)


def volume_error_ml(prediction: NDArray[np.bool_], reference: NDArray[np.bool_], voxel_ml: float) -> float:
    """Predicted minus reference volume in ml: positive where too much is marked."""
    return float((np.count_nonzero(prediction) - np.count_nonzero(reference)) * voxel_ml)


def fp_ml(prediction: NDArray[np.bool_], reference: NDArray[np.bool_], voxel_ml: float) -> float:
    """Predicted volume outside the reference, in ml."""
    return float(np.count_nonzero(prediction & ~reference) * voxel_ml)


def fp_clear_slices_ml(
    prediction: NDArray[np.bool_],
    brain: NDArray[np.bool_],
    drawn_slices: NDArray[np.bool_],
    voxel_ml: float,
    axis: int,
) -> float | None:
    """Predicted volume in a patient's slices without lesion, in ml.

    What a method marks beside a real lesion may be lesion that nobody drew; in slices without any it is false.

    Args:
        prediction: What is marked.
        brain: Slices without brain do not count.
        drawn_slices: Where somebody drew lesion, or what is ignored, inside the brain mask or not; one a slice.
        voxel_ml: Volume of a voxel.
        axis: Along which slices follow each other.

    Returns:
        The volume; None where something is drawn in every slice of the brain.
    """
    across = tuple(each for each in range(3) if each != axis)
    clear = brain.any(axis=across) & ~drawn_slices
    if not clear.any():
        return None
    return float(prediction.sum(axis=across)[clear].sum() * voxel_ml)
