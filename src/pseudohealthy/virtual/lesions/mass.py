"""Mass effect alone: tissue pushed outwards from a place where nothing is seen."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape
from pseudohealthy.virtual.lesions.tumour import push

RADIUS_MM = (16.0, 30.0)
PUSH_MM = (4.0, 9.0)  # for radii of 20 mm and more; smaller ones push in proportion
LEAST_MM = 1.0


class MassEffect(Lesion):
    """The push of a tumour without the tumour.

    The truth is the tissue that was displaced by at least half of the largest displacement and by `LEAST_MM`, with what
    it encloses: the middle of the swollen region has not moved, and belongs to it where it is enclosed. Towards the
    skull, where the push fades, it may not be: then the truth is the displaced side alone.
    """

    volume_ml = (2.0, 250.0)
    contrast = "none"
    mass_effect = True

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """White matter away from the midline and the surface, as tumours."""
        upper = canvas.points_mm[..., 2] > -15
        centre = canvas.pick(canvas.wm * (np.abs(canvas.lateral_mm) > 14) * upper * (canvas.depth_mm > 12), rng)
        radius_mm = float(rng.uniform(*RADIUS_MM))
        push_mm = rng.uniform(*PUSH_MM) * min(1.0, radius_mm / 20.0)
        displacement_mm = push(canvas, (canvas.points_mm - centre).astype(np.float32), push_mm, radius_mm)
        length = np.linalg.norm(displacement_mm, axis=-1)
        outline = (length >= max(0.5 * float(length.max()), LEAST_MM)) & canvas.brain
        outline = np.asarray(ndimage.binary_fill_holes(outline), dtype=np.bool_)
        level = np.where(outline, 0.5, np.inf).astype(np.float32)
        return Shape(canvas.redraw(displacement_mm), np.zeros_like(canvas.plain), level, displacement_mm, outline)

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """No paint."""
        return shape.canvas.image
