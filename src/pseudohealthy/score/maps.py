"""The tables of anomaly maps. A new one is a function in its own file and one line here.

A `Score` takes a scan, its reconstruction and the brain mask (3-D arrays of one shape, intensities scaled so that 0 to
1 is the usual range) and gives a float32 map of the same shape: higher is more anomalous, 0 outside the mask, and the
range is the same for every scan, so that one threshold can serve them all. The fusion clips it to [0, 1]. A `ViewScore`
is given all reconstructions, (view, z, y, x), instead of their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.score.difference import absolute, brighter, darker
from pseudohealthy.score.geometric import geometric
from pseudohealthy.score.mahalanobis import mahalanobis
from pseudohealthy.score.ssim import dissimilarity
from pseudohealthy.score.ssim_ensemble import ensemble_dissimilarity

Score: TypeAlias = Callable[
    [NDArray[np.floating[Any]], NDArray[np.floating[Any]], NDArray[np.bool_]], NDArray[np.float32]
]

ViewScore: TypeAlias = Score

SCORES: Mapping[str, Score] = {
    "ssim": dissimilarity,
    "ssim_ensemble": ensemble_dissimilarity,
    "absolute": absolute,
    "darker": darker,
    "brighter": brighter,
}

VIEW_SCORES: Mapping[str, ViewScore] = {
    "mahalanobis": mahalanobis,
    "geometric": geometric,
}


def anomaly_map(
    name: str, x: NDArray[np.floating[Any]], views: NDArray[np.floating[Any]], mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The map of this name, of either table.

    Args:
        name: A key of `SCORES` or `VIEW_SCORES`.
        x: Scan, (z, y, x).
        views: All its reconstructions, (view, z, y, x).
        mask: Brain mask, (z, y, x) bool.
    """
    if name in VIEW_SCORES:
        return VIEW_SCORES[name](x, views, mask)
    return SCORES[name](x, views.mean(axis=0), mask)
