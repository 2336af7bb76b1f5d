"""An infarct in the shape of a real one: acute and hardly darker, or old and full of fluid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, no_displacement

SOFT_MM = (1.0, 3.0)  # width of the border
OPACITY = (0.5, 1.0)
SHARE = (0.05, 0.9)  # intensity, from CSF (0) to grey matter (1)
TEXTURE_SD = (0.03, 0.08)  # in parts of white matter's intensity
STRANDS_CHANCE, STRANDS_WIDTH, STRANDS_KEPT = 0.35, 0.25, (0.4, 0.8)


class Infarct(Lesion):
    """A mask of a patient, filled.

    Args:
        carried: (i, j, k) the mask in the host.
    """

    volume_ml = (0.5, 250.0)
    contrast = "dark"

    def __init__(self, carried: NDArray[np.bool_]) -> None:
        self._carried = carried

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """The mask in the brain and outside the ventricles; fluid in sulci stays what it is, strands may survive."""
        inside = self._carried & canvas.brain & (canvas.ventricles < 0.5)
        soft_mm = rng.uniform(*SOFT_MM) * np.exp(0.3 * canvas.noise(rng, 10.0))
        opacity = rng.uniform(*OPACITY) * soft_border(inside, soft_mm, canvas.spacing_mm)
        opacity = opacity * canvas.brain * (1 - canvas.csf) * (1 - canvas.ventricles)
        if rng.random() < STRANDS_CHANCE:
            strands = np.exp(-((canvas.noise(rng, 5.0) / STRANDS_WIDTH) ** 2))
            opacity = opacity * (1 - rng.uniform(*STRANDS_KEPT) * strands)
        level = np.where(inside, 0.5, np.inf).astype(np.float32)
        return Shape(canvas, opacity.astype(np.float32), level, no_displacement(canvas), inside)

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """Between CSF and grey matter, with smooth texture."""
        canvas = shape.canvas
        level = canvas.csf_level + rng.uniform(*SHARE) * (canvas.gm_level - canvas.csf_level)
        texture = 0.8 * canvas.noise(rng, 8.0) + 0.6 * canvas.noise(rng, 4.0)
        return np.asarray(np.clip(level + rng.uniform(*TEXTURE_SD) * texture, 0.05, 0.95), dtype=np.float32)


def soft_border(inside: NDArray[np.bool_], soft_mm: float | Map, spacing_mm: float) -> Map:
    """1 inside, 0 outside, one half at the border, in a smooth step as wide as asked for (i, j, k)."""
    if not inside.any():
        return np.zeros(inside.shape, np.float32)
    within, without = (ndimage.distance_transform_edt(side) for side in (inside, ~inside))
    signed = np.where(inside, within - 0.5, 0.5 - without) * spacing_mm
    smooth = ndimage.gaussian_filter(signed, 0.5)  # the distance from voxels has corners
    ramp = np.clip(0.5 + smooth / soft_mm, 0.0, 1.0)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), dtype=np.float32)
