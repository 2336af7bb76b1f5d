"""No lesion: the same painting with an empty one, so that nothing but the lesion tells scans apart."""

from __future__ import annotations

import numpy as np

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, no_displacement


class Healthy(Lesion):
    """An empty lesion."""

    volume_ml = (0.0, 0.0)
    contrast = "none"

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """Opacity 0 everywhere."""
        empty = np.zeros_like(canvas.plain)
        return Shape(canvas, empty, np.full_like(empty, np.inf), no_displacement(canvas))

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """The tissue as it is."""
        return shape.canvas.image
