"""The control on a real brain: a lesion's shape, filled with the tissue that was there."""

from __future__ import annotations

import numpy as np

from pseudohealthy.virtual.canvas import Map
from pseudohealthy.virtual.lesions.base import Shape
from pseudohealthy.virtual.lesions.sham import Sham


class Unchanged(Sham):
    """A sham whose texture is the scan's own noise, which `host_paint` adds to every lesion."""

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """The tissue without its noise."""
        return shape.canvas.plain
