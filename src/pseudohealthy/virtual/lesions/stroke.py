"""Chronic infarct: a CSF-like defect in cortex and white matter within a wedge of one hemisphere."""

from __future__ import annotations

import numpy as np

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, grow, no_displacement


class Stroke(Lesion):
    """A wedge like an arterial territory: its point in the depth of one hemisphere, its base on the cortex."""

    volume_ml = (4.0, 130.0)
    contrast = "dark"

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """Between a cone from the depth of the hemisphere and a depth below the surface, all on one side."""
        volume_ml = self.draw_volume_ml(rng)
        side = float(rng.choice([-1.0, 1.0]))
        apex = np.array([side * 16.0, rng.uniform(-30.0, 15.0), rng.uniform(5.0, 20.0)])
        azimuth, elevation = np.deg2rad(rng.uniform(-70.0, 70.0)), np.deg2rad(rng.uniform(-15.0, 50.0))
        direction = np.array([side * np.cos(azimuth), np.sin(azimuth), np.tan(elevation)])
        direction /= np.linalg.norm(direction)
        offset = canvas.points_mm - apex
        distance = np.linalg.norm(offset, axis=-1)
        angle = np.rad2deg(np.arccos(np.clip(offset @ direction / np.maximum(distance, 1e-3), -1, 1)))
        thickness_mm = rng.uniform(14.0, 40.0)
        wedge = ((angle / 30.0) ** 4 + (canvas.depth_mm / thickness_mm) ** 4) ** 0.25
        rough = wedge * (1 + 0.2 * canvas.noise(rng, 10.0) + 0.1 * canvas.noise(rng, 5.0)) + canvas.ventricles
        rough = np.where((side * canvas.lateral_mm > 2) & (canvas.points_mm[..., 2] > -40), rough, np.inf)
        opacity, level = grow(canvas, rough.astype(np.float32), volume_ml, 30.0, 3.0, crumb_ml=0.03 * volume_ml)
        return Shape(canvas, opacity, level, no_displacement(canvas))

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """Between CSF and half way to grey matter, with strands of surviving tissue."""
        canvas = shape.canvas
        healed = rng.uniform(0.05, 0.45) + 0.12 * canvas.noise(rng, 5.0)
        cavity = canvas.csf_level + np.clip(healed, 0.0, 0.8) * (canvas.gm_level - canvas.csf_level)
        return np.asarray(cavity, dtype=np.float32)
