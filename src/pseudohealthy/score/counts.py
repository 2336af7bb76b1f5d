"""How many voxels lie above each threshold of one fixed table: what curves over thresholds are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

# Steps of 0.025, and steps on the logistic scale, because a segmenter's sigmoid crowds its maps against 0 and 1.
THRESHOLDS = np.unique(np.round(np.concatenate([np.linspace(0, 1, 41)[:-1], expit(np.linspace(-9, 9, 25))]), 6))
"""64 thresholds, rising from 0; a voxel is marked where `score > threshold`."""


def voxels_above(scores: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """How many of the scores are above each of `THRESHOLDS`, compared in the scores' own precision, as a mask is.

    Args:
        scores: Scores in [0, 1], any shape.
    """
    steps = np.searchsorted(THRESHOLDS.astype(scores.dtype), scores.ravel(), side="left")
    at_most = np.cumsum(np.bincount(steps, minlength=len(THRESHOLDS) + 1))[: len(THRESHOLDS)]
    return np.asarray(scores.size - at_most, np.int64)
