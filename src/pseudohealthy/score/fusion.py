"""Fusion of the reconstruction's map and the segmenter's map (paper, appendix D)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def anomaly_score(
    unsupervised: NDArray[np.floating[Any]], supervised: NDArray[np.floating[Any]] | None, beta: float
) -> NDArray[np.float32]:
    """AS = beta * clip(x~, 0, 1) + (1 - beta) * y^, in [0, 1]; clip(x~, 0, 1) where there is no segmenter.

    With beta = 0.5 the ranking of voxels is that of the paper's sum x~ + y^.

    Args:
        unsupervised: Map x~ of a `Score`, after the median filter.
        supervised: The segmenter's map y^ in [0, 1], same shape, or None.
        beta: Weight of the unsupervised map, in [0, 1].
    """
    clipped: NDArray[np.float32] = np.clip(unsupervised, 0.0, 1.0).astype(np.float32)
    if supervised is None:
        return clipped
    fused: NDArray[np.float32] = np.float32(beta) * clipped + np.float32(1.0 - beta) * supervised.astype(np.float32)
    return fused
