"""AUPRC, AUROC and the oracle Dice of one scan, exactly and from one sort.

All three are sums or maxima over the distinct scores of *lesion* voxels: recall, and the best Dice for a given number
of true positives, change nowhere else. So the lesion's voxels and the healthy ones are sorted apart, and each distinct
lesion score is looked up among the healthy ones: no threshold is skipped and ties are treated as scikit-learn does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ranking:
    """How well a score ranks the lesion's voxels above the others.

    Attributes:
        dice_oracle: Best Dice over all thresholds of this scan; 2p/(1+p) for a constant score, p the prevalence.
        auprc: Average precision, sum of (recall step) x precision; p for a constant score.
        auroc: Chance that a lesion voxel outranks another voxel, ties half; None where no other voxel exists.
    """

    dice_oracle: float
    auprc: float
    auroc: float | None


def rank(lesion_scores: NDArray[np.floating[Any]], other_scores: NDArray[np.floating[Any]]) -> Ranking | None:
    """Rank the scores of lesion voxels against those of the other voxels of the brain.

    Args:
        lesion_scores: (n,) scores inside the lesion.
        other_scores: (m,) scores of the brain outside the lesion.

    Returns:
        The ranking, or None where there is no lesion voxel.

    Raises:
        ValueError: A score is NaN or infinite.
    """
    if lesion_scores.size == 0:
        return None
    others = np.sort(other_scores)
    values, counts = np.unique(lesion_scores, return_counts=True)
    for ends in (values[[0, -1]], others[:1], others[-1:]):  # NaN and infinities sort to the ends
        if not np.isfinite(ends).all():
            raise ValueError("a score is not finite")
    lesion_voxels, other_voxels = lesion_scores.size, other_scores.size
    below = np.searchsorted(others, values, side="left")
    true_positives = lesion_voxels - np.cumsum(counts) + counts  # at the threshold ">= this value"
    false_positives = other_voxels - below
    precision = true_positives / (true_positives + false_positives)
    dice = 2.0 * true_positives / (true_positives + false_positives + lesion_voxels)
    auroc = None
    if other_voxels:
        not_above = np.searchsorted(others, values, side="right")
        auroc = float(np.sum(counts * (below + not_above) / 2.0) / (lesion_voxels * other_voxels))
    return Ranking(float(dice.max()), float(np.sum(counts * precision) / lesion_voxels), auroc)
