"""What a voxel's own tissue looks like in a real scan, without the noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.virtual.canvas import Map

WINDOW_MM, LEAST_WINDOW_VOXELS = 1.6, 0.8  # sd of the neighbourhood that a voxel is compared with
NOISE_GAIN = 4.0  # local variance up to so many times the noise's is taken for noise and fine texture


def window_voxels(spacing_mm: float) -> float:
    """The neighbourhood's sd in voxels."""
    return max(WINDOW_MM / spacing_mm, LEAST_WINDOW_VOXELS)


def own_tissue(image: Map, brain: NDArray[np.bool_], noise_sd: float, spacing_mm: float) -> tuple[Map, Map, Map]:
    """Smooth an image where it is flat and leave it where tissues meet.

    The local linear minimum mean square error filter (Lee, IEEE PAMI 1980): `plain = mean + k (image - mean)`, with k
    = 0 where the local variance is that of noise and nearly 1 at the edge of a tissue, where smoothing would show.

    Args:
        image: (i, j, k).
        brain: Its mask; nothing outside is looked at.
        noise_sd: Of the noise in the image.
        spacing_mm: Edge of a voxel.

    Returns:
        The image of the tissue, k, and the local variance.
    """
    sigma = window_voxels(spacing_mm)
    inside = brain.astype(np.float32)
    weight = np.maximum(ndimage.gaussian_filter(inside, sigma, truncate=2.5), 1e-3)

    def local(values: Map) -> Map:
        smooth = ndimage.gaussian_filter(values * inside, sigma, truncate=2.5) / weight
        return np.asarray(smooth, dtype=np.float32)

    mean = local(image)
    variance = np.maximum(local(image**2) - mean**2, 1e-9)
    kept = np.maximum(1 - NOISE_GAIN * noise_sd**2 / variance, 0.0).astype(np.float32)
    return np.where(brain, mean + kept * (image - mean), image).astype(np.float32), kept, variance
