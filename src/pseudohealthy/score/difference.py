"""Voxelwise differences of a scan and its reconstruction, with and without their sign.

A lesion of unknown kind may be darker or brighter than healthy tissue. The signed maps are stronger where the sign is
known (multiple sclerosis and stroke are dark on T1) and blind to the other sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.floating[Any]]


def absolute(x: FloatMap, x_hat: FloatMap, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """|x - x_hat| inside the brain mask, 0 outside; [0, 1.5] for intensities in [0, 1.5]."""
    return np.where(mask, np.abs(x - x_hat), 0.0).astype(np.float32)


def darker(x: FloatMap, x_hat: FloatMap, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """max(x_hat - x, 0) inside the brain mask: where the scan is darker than its healthy version; [0, 1.5]."""
    return np.where(mask, np.maximum(x_hat - x, 0.0), 0.0).astype(np.float32)


def brighter(x: FloatMap, x_hat: FloatMap, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """max(x - x_hat, 0) inside the brain mask: where the scan is brighter than its healthy version; [0, 1.5]."""
    return darker(x_hat, x, mask)
