"""Structural similarity of a scan and its reconstruction in 3-D (Wang et al. 2004; method of the paper, section 3).

The data range is fixed at 1, the range that intensities are scaled to. A range taken from each scan would couple the
score of every voxel to the brightest lesion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pseudohealthy.score.box import bounding_box

SIGMA_VOXELS = 1.0
K1, K2, DATA_RANGE = 0.01, 0.03, 1.0


def radius_voxels(sigma_voxels: float) -> int:
    """Half the window of a Gaussian, its middle voxel not counted: 4 for sigma 1, a window of 9 voxels."""
    return int(3.5 * sigma_voxels + 0.5)


def ssim(
    x: NDArray[np.floating[Any]], x_hat: NDArray[np.floating[Any]], sigma_voxels: float = SIGMA_VOXELS
) -> NDArray[np.float64]:
    """SSIM at every voxel: Gaussian window (of 9 voxels for sigma 1), k1 = .01, k2 = .03, data range 1.

    Args:
        x: Scan, 3-D, intensities scaled so that 0 to 1 is the usual range.
        x_hat: Reconstruction of the same shape and scale.
        sigma_voxels: Standard deviation of the window.

    Returns:
        Map in [-1, 1], 1 where the neighbourhoods are equal; the volume is mirrored at its faces.
    """
    # float64: a variance is a small difference of large means, and c2 is 9e-4.
    a, b = x.astype(np.float64), x_hat.astype(np.float64)
    mean_a, mean_b = _window_mean(a, sigma_voxels), _window_mean(b, sigma_voxels)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance = _window_mean(a * b, sigma_voxels) - product
    variances = _window_mean(a**2 + b**2, sigma_voxels) - squares  # only their sum enters
    c1, c2 = (K1 * DATA_RANGE) ** 2, (K2 * DATA_RANGE) ** 2
    similarity: NDArray[np.float64] = (2 * product + c1) * (2 * covariance + c2)
    similarity /= (squares + c1) * (variances + c2)
    return similarity


def dissimilarity(
    x: NDArray[np.floating[Any]],
    x_hat: NDArray[np.floating[Any]],
    mask: NDArray[np.bool_],
    sigma_voxels: float = SIGMA_VOXELS,
) -> NDArray[np.float32]:
    """1 - SSIM inside the brain mask, in [0, 2], 0 outside (the unsupervised map of the paper, section 3).

    Whatever a network paints outside the mask is set to background first: it would leak in through the window.

    Args:
        x: Scan, 3-D, scaled intensities.
        x_hat: Reconstruction.
        mask: Brain mask, bool.
        sigma_voxels: Standard deviation of the window.
    """
    box = bounding_box(mask, margin=radius_voxels(sigma_voxels))  # exact: the windows of all brain voxels lie inside
    inside = mask[box]
    result = np.zeros(mask.shape, dtype=np.float32)
    if inside.size:
        similarity = ssim(np.where(inside, x[box], 0.0), np.where(inside, x_hat[box], 0.0), sigma_voxels)
        result[box] = np.where(inside, 1.0 - similarity, 0.0).clip(0.0, 2.0)
    return result


def _window_mean(volume: NDArray[np.float64], sigma_voxels: float) -> NDArray[np.float64]:
    radius = radius_voxels(sigma_voxels)
    smooth: NDArray[np.float64] = gaussian_filter(volume, sigma_voxels, mode="reflect", radius=radius)
    return smooth
