"""One lateral ventricle enlarged: nothing but a displacement of tissue."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape

GROWTH_MM = (3.0, 8.0)  # of the wall
STEP_MM, BLUR_MM = 0.5, 6.0  # small steps along a smooth field: tissue never folds
MIDLINE_MM = 4.0  # within which nothing moves


class EnlargedVentricle(Lesion):
    """The wall of one lateral ventricle moves outwards and presses the tissue behind it together.

    The truth is the tissue that became ventricle: what fills the ventricle now and was no ventricle before. A
    radiologist would outline the ventricle; its old part is not abnormal in any voxel.
    """

    volume_ml = (1.0, 60.0)
    contrast = "dark"
    mass_effect = True

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """A flow towards the ventricle, from where each voxel's tissue comes."""
        side, growth_mm = float(rng.choice([-1.0, 1.0])), rng.uniform(*GROWTH_MM)
        own = side * canvas.lateral_mm
        wall = canvas.ventricles * (own > MIDLINE_MM / 2)
        blurred = ndimage.gaussian_filter(wall, BLUR_MM / canvas.spacing_mm)
        flow = np.asarray(np.gradient(blurred), dtype=np.float32)
        flow *= np.clip(own / MIDLINE_MM - 0.5, 0, 1) * np.clip(canvas.depth_mm / 12.0, 0, 1)
        displacement_mm = _follow(canvas, flow / max(float(np.linalg.norm(flow, axis=0).max()), 1e-9), growth_mm)
        moved = canvas.redraw(displacement_mm)
        outline = (moved.ventricles >= 0.5) & (canvas.ventricles < 0.5) & (own > 0)
        nothing = np.zeros_like(canvas.plain)
        return Shape(moved, nothing, np.where(outline, 0.5, np.inf).astype(np.float32), displacement_mm, outline)

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """No paint."""
        return shape.canvas.image


def _follow(canvas: Canvas, flow: Map, length_mm: float) -> Map:
    """Where points end that follow a flow of at most unit speed (3, i, j, k), relative to where they began."""
    steps = max(1, round(length_mm / STEP_MM))
    last = torch.tensor(canvas.plain.shape) - 1
    field = torch.from_numpy(flow.astype(np.float32))[None]
    first = torch.from_numpy(canvas.points_mm[0, 0, 0])
    begin = torch.from_numpy(canvas.points_mm)
    points_mm = begin.clone()
    for _ in range(steps):
        unit = 2 * (points_mm - first) / canvas.spacing_mm / last - 1
        here = torch.nn.functional.grid_sample(field, unit.flip(-1)[None], padding_mode="zeros", align_corners=True)
        points_mm = points_mm + torch.movedim(here[0], 0, -1) * (length_mm / steps)
    return (points_mm - begin).numpy()
