"""1 - SSIM averaged over windows of several sizes (Behrendt et al., arXiv 2403.14262): no one size fits all lesions.

Difference from the source: all windows weigh the same (theirs are weighted by an adaptive rule), and are Gaussian.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.score.ssim import dissimilarity

SIGMAS_VOXELS = (0.5, 1.0, 1.5, 2.0)
"""Windows of 5, 9, 11 and 15 voxels."""


def ensemble_dissimilarity(
    x: NDArray[np.floating[Any]], x_hat: NDArray[np.floating[Any]], mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Mean of 1 - SSIM over `SIGMAS_VOXELS` inside the brain mask, in [0, 2], 0 outside.

    Args:
        x: Scan, 3-D, scaled intensities.
        x_hat: Reconstruction.
        mask: Brain mask, bool.
    """
    maps = [dissimilarity(x, x_hat, mask, sigma_voxels) for sigma_voxels in SIGMAS_VOXELS]
    mean: NDArray[np.float32] = np.mean(maps, axis=0, dtype=np.float32)
    return mean
