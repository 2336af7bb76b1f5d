"""Subacute haemorrhage: T1-bright blood (methaemoglobin), deep or lobar."""

from __future__ import annotations

import numpy as np

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, grow, no_displacement


class Haemorrhage(Lesion):
    """One to three blobs that lie together, brighter at their edge than in the middle."""

    volume_ml = (2.0, 50.0)
    contrast = "bright"

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """Rough spheres in the basal ganglia or in white matter, each next to the one before."""
        volume_ml, n = self.draw_volume_ml(rng), int(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15]))
        radius_mm = (3000.0 * volume_ml / (4 * np.pi * n)) ** (1 / 3)
        upper = (canvas.points_mm[..., 2] > -10) & (np.abs(canvas.lateral_mm) > 12)
        upper &= (canvas.depth_mm > 8) & (canvas.csf < 0.5)
        place = canvas.deep if rng.random() < 0.5 else canvas.wm
        centre = canvas.pick(place * upper, rng)
        level = np.full(canvas.plain.shape, np.inf)
        for _ in range(n):
            level = np.minimum(level, np.linalg.norm(canvas.points_mm - centre, axis=-1) / radius_mm)
            step = rng.standard_normal(3)
            centre = centre + 1.3 * radius_mm * step / np.linalg.norm(step)
        rough = level * (1 + 0.12 * canvas.noise(rng, 10.0) + 0.04 * canvas.noise(rng, 5.0)) + 0.2 * canvas.csf
        opacity, level = grow(canvas, rough.astype(np.float32), volume_ml, radius_mm, 2.0)
        return Shape(canvas, opacity, level, no_displacement(canvas))

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """Blood ages from the edge inwards: methaemoglobin, bright on T1, appears at the edge first."""
        canvas = shape.canvas
        edge, middle = rng.uniform(1.2, 1.5), rng.uniform(0.95, 1.25)
        ageing = np.clip(shape.level, 0, 1) ** 2
        blood = middle + (edge - middle) * ageing + 0.06 * canvas.noise(rng, 4.0)
        return np.asarray(blood, dtype=np.float32)
