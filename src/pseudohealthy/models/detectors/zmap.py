"""Voxelwise z-score against the healthy population, smoothed: no network, and often hard to beat.

`zmap` takes deviations of either sign; `zmap_dark` knows beforehand that lesions are dark, which fails on bright ones.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pseudohealthy.models.population import Population

SMOOTHING_VOXELS = 1.0
LARGEST_Z = 10.0
"""A smoothed z of this size scores 1; nothing in a T1 brain lies beyond."""


class ZMap:
    """Smoothed (x - mean) / sd of the Stage I brains and their mirror images.

    Args:
        population: Mean and standard deviation, (z, y, x).
        sign: 0 scores deviations of both signs, -1 dark ones alone, +1 bright ones alone.
    """

    def __init__(self, population: Population, sign: int = 0) -> None:
        self.population, self.sign = population, sign

    def map(self, x: NDArray[np.float32], mask: NDArray[np.bool_], rng: torch.Generator) -> NDArray[np.float32]:
        """See `Detector.map`."""
        z = np.where(mask, (x - self.population.mean) / self.population.sd, 0)
        smoothed = gaussian_filter(z, SMOOTHING_VOXELS)
        deviation = np.abs(smoothed) if self.sign == 0 else np.maximum(self.sign * smoothed, 0)
        score: NDArray[np.float32] = np.where(mask, np.clip(deviation / LARGEST_Z, 0, 1), 0).astype(np.float32)
        return score
