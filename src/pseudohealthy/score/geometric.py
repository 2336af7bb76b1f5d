"""Geometric mean of the deviation over the noise levels of a diffusion model (ANDi, Frotscher et al., 2312.01904).

The source compares one step of denoising with one step of the known posterior, at each t. Both means are linear in x_0
with the same factor c_t, so their difference is c_t (x - x^_t), and the geometric mean over t that of |x - x^_t| but
for a factor that is the same for all voxels. What is unlike its reconstruction at every t stands out; what only one t
gets wrong does not.

Differences from the source: one contrast, so that the norm over contrasts is the absolute value; the few t of the
reconstructor instead of many; the median filter of the recipe.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1e-4
"""Added to each deviation: one reconstruction that is exact by chance would decide alone."""


def geometric(
    x: NDArray[np.floating[Any]], views: NDArray[np.floating[Any]], mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """exp(mean over views of log(|x - view| + 1e-4)) inside the mask, 0 outside; up to 1.5.

    Args:
        x: Scan, (z, y, x), scaled intensities.
        views: Its reconstructions, (view, z, y, x); of one view the map is `absolute`.
        mask: Brain mask, (z, y, x) bool.
    """
    total = np.zeros(mask.shape, np.float64)
    for view in views:
        total += np.log(np.abs(x - view) + SMALLEST)
    mean = np.exp(total / len(views)) - SMALLEST
    return np.where(mask, np.clip(mean, 0.0, 1.5), 0.0).astype(np.float32)
