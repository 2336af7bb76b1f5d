"""What the brains of Stage I have in common, voxel by voxel: the knowledge that needs no network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

SMALLEST_SD = 0.05
"""Floor of the standard deviation, in units of the intensity scale: a few scans cannot show less than their noise."""


@dataclass(frozen=True, eq=False)
class Population:
    """Mean and standard deviation of healthy brains on the model grid, (z, y, x) float32.

    Attributes:
        mean: Mean intensity.
        sd: Standard deviation, smoothed by one voxel and at least `SMALLEST_SD`.
        n: How many scans, mirror images not counted.
    """

    mean: NDArray[np.float32]
    sd: NDArray[np.float32]
    n: int

    @classmethod
    def of(cls, images: NDArray[np.floating]) -> Population:
        """Statistics of scans (n, z, y, x) and their left-right mirror images (x is the last axis)."""
        total = np.zeros(images.shape[1:], np.float64)
        squares = np.zeros_like(total)
        for image in images:
            for view in (image.astype(np.float64), image[..., ::-1].astype(np.float64)):
                total += view
                squares += view**2
        count = 2 * len(images)
        mean = total / count
        sd = np.sqrt(gaussian_filter(np.maximum(squares / count - mean**2, 0), 1.0))
        return cls(mean.astype(np.float32), np.maximum(sd, SMALLEST_SD).astype(np.float32), len(images))
