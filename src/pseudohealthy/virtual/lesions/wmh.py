"""White-matter hyperintensities of presumed vascular origin, dark on T1: periventricular caps and bands."""

from __future__ import annotations

import numpy as np

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, grow, no_displacement


class WhiteMatterHyperintensities(Lesion):
    """Caps at the horns and bands along the walls of both lateral ventricles, with a few spots in deep white matter."""

    volume_ml = (2.5, 35.0)
    contrast = "dark"

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """Distance from the ventricles, shorter at the horns; each side gets 40 to 60 % of the volume."""
        volume_ml, left = self.draw_volume_ml(rng), rng.uniform(0.4, 0.6)
        reach = 1.0 + 0.25 * canvas.noise(rng, 12.0) + rng.uniform(0.8, 2.0) * _horns(canvas)
        bands = canvas.ventricle_mm / np.maximum(reach, 0.25)
        spots = 12.0 - 4.0 * canvas.noise(rng, 6.0)
        rough = np.minimum(bands, np.maximum(spots, 0.0)) + 8.0 * (1 - canvas.wm) + 2.0 * canvas.deep
        allowed = (np.abs(canvas.lateral_mm) > 5) & (canvas.points_mm[..., 2] > -20) & (canvas.depth_mm > 8)
        allowed &= canvas.ventricles < 0.5
        sides = [(canvas.lateral_mm < 0, left), (canvas.lateral_mm > 0, 1 - left)]
        grown = [
            grow(canvas, np.where(allowed & side, rough, np.inf).astype(np.float32), volume_ml * share, 1.0, 2.0)
            for side, share in sides
        ]
        opacity, level = np.maximum(grown[0][0], grown[1][0]), np.minimum(grown[0][1], grown[1][1])
        return Shape(canvas, opacity, level, no_displacement(canvas))

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """About grey matter."""
        canvas = shape.canvas
        grey = canvas.gm_level * (rng.uniform(0.85, 1.1) + 0.04 * canvas.noise(rng, 6.0))
        return np.asarray(np.minimum(grey, 0.92 * canvas.plain), dtype=np.float32)


def _horns(canvas: Canvas) -> Map:
    """1 at the front and back ends of the ventricles, falling to 0 within a few centimetres, (i, j, k)."""
    y = canvas.points_mm[..., 1]
    inside = y[(canvas.ventricles > 0.5) & (np.abs(canvas.lateral_mm) > 5)]
    if inside.size == 0:
        return np.zeros_like(canvas.plain)
    front, back = np.percentile(inside, [97, 3])
    return np.asarray(np.exp(-(((y - front) / 12) ** 2)) + np.exp(-(((y - back) / 12) ** 2)), dtype=np.float32)
