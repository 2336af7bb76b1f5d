"""The table of anomaly maps. A new one is a function in its own file and one line here.

A `Score` takes a scan, its reconstruction and the brain mask (3-D arrays of one shape, intensities scaled so that 0 to
1 is the usual range) and gives a float32 map of the same shape: higher is more anomalous, 0 outside the mask, and the
range is the same for every scan, so that one threshold can serve them all. The fusion clips it to [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.score.difference import absolute, brighter, darker
from pseudohealthy.score.ssim import dissimilarity

Score: TypeAlias = Callable[
    [NDArray[np.floating[Any]], NDArray[np.floating[Any]], NDArray[np.bool_]], NDArray[np.float32]
]

SCORES: Mapping[str, Score] = {
    "ssim": dissimilarity,
    "absolute": absolute,
    "darker": darker,
    "brighter": brighter,
}
