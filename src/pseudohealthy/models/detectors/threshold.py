"""Intensity itself as the score: no training, no population (Meissen et al. 2021, arXiv 2109.06023).

On FLAIR, where lesions are bright, it beats many networks; a table without it says little there. `threshold` scores
what is bright, `threshold_dark` what is dark.

Difference from the source: intensities are on the scale of the model (anchored at a percentile of the brain) in place
of histogram equalisation. Within a scan the two rank voxels alike, so that AUPRC and the best Dice are the same.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from pseudohealthy.models.population import Population

BRIGHTEST = 1.5
"""Top of the intensity scale, where scans are clipped: it scores 1 (or 0, if what is dark is looked for)."""


class IntensityThreshold:
    """x / 1.5 inside the brain, or 1 - x / 1.5.

    Args:
        population: Not looked at.
        dark: Score what is dark instead of what is bright.
    """

    def __init__(self, population: Population, *, dark: bool = False) -> None:
        del population  # it learns nothing
        self.dark = dark

    def map(self, x: NDArray[np.float32], mask: NDArray[np.bool_], rng: torch.Generator) -> NDArray[np.float32]:
        """See `Detector.map`."""
        share = np.clip(x / BRIGHTEST, 0, 1)
        score: NDArray[np.float32] = np.where(mask, 1 - share if self.dark else share, 0).astype(np.float32)
        return score
