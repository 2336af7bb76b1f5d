"""Multiple sclerosis in the shape of a real patient's lesions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, no_displacement
from pseudohealthy.virtual.lesions.infarct import soft_border

SOFT_MM = (1.2, 3.0)
OPACITY = (0.35, 0.95)
SHARE = (0.35, 1.0)  # intensity, from CSF (0) to grey matter (1): black holes and faint ones
LEAST_WHITE = 0.5  # share of white matter in a voxel that can be lesion


class Plaques(Lesion):
    """A patient's lesions, as far as they lie in the host's white matter.

    Args:
        carried: (i, j, k) the mask in the host.
    """

    volume_ml = (0.0, 60.0)  # of a mask of 0.5 ml or more what lies in white matter, in an old brain a small part
    contrast = "dark"

    def __init__(self, carried: NDArray[np.bool_]) -> None:
        self._carried = carried

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """The mask in white matter: what the affine lays into ventricles or cortex is no lesion."""
        inside = self._carried & canvas.brain & (canvas.wm >= LEAST_WHITE) & (canvas.ventricles < 0.5)
        soft_mm = rng.uniform(*SOFT_MM) * np.exp(0.3 * canvas.noise(rng, 8.0))
        # Masks are drawn on FLAIR; on T1 a lesion is darkest here and hardly seen there.
        seen = np.clip(rng.uniform(*OPACITY) + 0.2 * canvas.noise(rng, 7.0), 0.15, 1.0)
        opacity = seen * soft_border(inside, soft_mm, canvas.spacing_mm)
        opacity = (opacity * canvas.brain * np.clip(1.5 * canvas.wm, 0, 1)).astype(np.float32)
        level = np.where(inside, 0.5, np.inf).astype(np.float32)
        return Shape(canvas, opacity, level, no_displacement(canvas), inside)

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """Different in each plaque, and a little within it."""
        canvas, (low, high) = shape.canvas, SHARE
        share = rng.uniform(low, high) + 0.2 * canvas.noise(rng, 12.0) + 0.06 * canvas.noise(rng, 4.0)
        level = canvas.csf_level + np.clip(share, low, high) * (canvas.gm_level - canvas.csf_level)
        return np.asarray(level, dtype=np.float32)
