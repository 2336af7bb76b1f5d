"""How far a scan lies from the distribution of its own reconstructions (Behrendt et al., arXiv 2407.12474).

For the pixels of a slice inside the brain, d = x - mean, S = cov(views) + lambda I:
MHD_i = sqrt(d_i (S^-1 d)_i), and the score is MHD times 1 - SSIM of the mean. Where reconstructions disagree, a
difference counts for less.

Differences from the source: S is inverted by Woodbury's identity, exactly, because it has as few directions as there
are views; the square root of lambda is multiplied in, so that the map of one view, or of equal ones, is
|d| (1 - SSIM), on the intensity scale; negative products are 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import ConfigError
from pseudohealthy.score.ssim import dissimilarity

RIDGE = 0.01
"""lambda: with fewer views than pixels a covariance is not invertible without it (the authors' code)."""


def mahalanobis_map(
    x: NDArray[np.floating[Any]], views: NDArray[np.floating[Any]], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """sqrt(lambda) MHD inside the mask, 0 outside, slice by slice.

    Args:
        x: Scan, (z, y, x).
        views: Its reconstructions, (view, z, y, x), at least two.
        mask: Brain mask, (z, y, x) bool.
    """
    distance = np.zeros(mask.shape, np.float64)
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        inside = mask[z]
        samples = views[:, z][:, inside].astype(np.float64)
        centred = (samples - samples.mean(axis=0)) / np.sqrt(len(samples) - 1)
        difference = x[z][inside] - samples.mean(axis=0)
        # (C^T C + lambda I)^-1 d = (d - C^T (lambda I + C C^T)^-1 C d) / lambda
        small = RIDGE * np.eye(len(samples)) + centred @ centred.T
        solved = difference - centred.T @ np.linalg.solve(small, centred @ difference)
        distance[z][inside] = np.sqrt(np.maximum(difference * solved, 0))
    return distance


def refuse_one_view(subject: str, views: int) -> None:
    """Refuse to measure by the spread of one reconstruction.

    Raises:
        ConfigError: There are fewer than two.
    """
    if views < 2:
        raise ConfigError(
            subject,
            found="'mahalanobis' with one reconstruction a scan",
            needed="several, whose spread is the measure",
            fix="Give a diffusion model several test_steps (the same t may stand twice), a vae test_samples.",
        )


def mahalanobis(
    x: NDArray[np.floating[Any]], views: NDArray[np.floating[Any]], mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """sqrt(lambda) MHD (1 - SSIM(x, mean of the views)) inside the mask, 0 outside; in [0, 3].

    Args:
        x: Scan, (z, y, x), scaled intensities.
        views: Its reconstructions, (view, z, y, x).
        mask: Brain mask, (z, y, x) bool.

    Raises:
        ConfigError: There are fewer than two reconstructions.
    """
    refuse_one_view("score.map", len(views))
    shown = np.where(mask, np.clip(mahalanobis_map(x, views, mask), 0, 1.5), 0)
    return (shown * dissimilarity(x, views.mean(axis=0), mask)).astype(np.float32)
