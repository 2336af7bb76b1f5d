"""Glioma-like tumour: oedema, core, brighter rim, and a mass effect that pushes tissue outwards."""

from __future__ import annotations

import numpy as np

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, grow

CORE = 0.62  # the core's share of the lesion's radius
RIM = (0.5, 0.66)  # where the rim lies, in shares of the lesion's radius
PUSH_MM = (3.0, 7.0)  # at the core's surface, for tumours of 20 mm radius; smaller ones push in proportion
FADE = 2.2  # radii of the lesion beyond which nothing moves


class Tumour(Lesion):
    """One rough ellipsoid in a cerebral hemisphere; the mask is oedema, core and rim together."""

    volume_ml = (8.0, 110.0)
    contrast = "dark"
    mass_effect = True

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """White matter away from the midline, above the tentorium; oedema follows white matter, the core does not."""
        volume_ml = self.draw_volume_ml(rng)
        radius_mm = (3000.0 * volume_ml / (4 * np.pi)) ** (1 / 3)
        upper = canvas.points_mm[..., 2] > -15
        place = canvas.wm * (np.abs(canvas.lateral_mm) > 14) * upper * (canvas.depth_mm > 10)
        centre = canvas.pick(place, rng)
        offset = (canvas.points_mm - centre).astype(np.float32)
        push_mm = rng.uniform(*PUSH_MM) * min(1.0, radius_mm / 20.0)
        displacement_mm = push(canvas, offset, push_mm, radius_mm)
        canvas = canvas.redraw(displacement_mm)
        axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        stretch = np.exp(rng.normal(0.0, 0.15, 3))
        radius = np.linalg.norm(offset @ (axes * stretch / np.cbrt(stretch.prod())), axis=-1) / radius_mm
        rough = radius * (1 + 0.16 * canvas.noise(rng, 11.0) + 0.07 * canvas.noise(rng, 5.0))
        oedema = rough + 0.45 * (1 - canvas.wm) * np.clip(radius - 0.3, 0, 1) + 0.3 * canvas.ventricles
        solid = radius * (1 + 0.10 * canvas.noise(rng, 9.0)) / CORE
        opacity, _ = grow(canvas, np.minimum(oedema, solid), volume_ml, radius_mm, 2.5, crumb_ml=0.03 * volume_ml)
        return Shape(canvas, opacity, (solid * CORE).astype(np.float32), displacement_mm)

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """Oedema a little darker than grey matter and partly transparent; the core darker still, the rim brighter."""
        canvas, gm, csf = shape.canvas, shape.canvas.gm_level, shape.canvas.csf_level
        oedema = 0.75 * gm * rng.uniform(0.82, 1.02) + 0.25 * canvas.plain
        core = csf + rng.uniform(0.25, 0.75) * (gm - csf)
        rim = gm * rng.uniform(1.1, 1.4)
        inside = _step(CORE, shape.level)
        ring = (
            _step(RIM[1], shape.level) * (1 - _step(RIM[0], shape.level)) * _step(0.0, -canvas.noise(rng, 12.0) - 0.3)
        )
        image = oedema + inside * (core - oedema)
        image = image + ring * (rim - image) + 0.03 * canvas.noise(rng, 4.0)
        return np.asarray(np.clip(image, 0.8 * csf, None), dtype=np.float32)


def _step(at: float, level: Map) -> Map:
    """1 below `at`, 0 above, over a border of a sixth of the radius."""
    return np.asarray(np.clip(0.5 + (at - level) * 12, 0, 1), dtype=np.float32)


def push(canvas: Canvas, offset_mm: Map, push_mm: float, radius_mm: float) -> Map:
    """Where each voxel's tissue comes from (i, j, k, 3): towards the centre, so that tissue has moved outwards.

    The push grows linearly inside the core, falls smoothly to 0 at `FADE` radii, and is 0 at the skull.
    """
    distance = np.linalg.norm(offset_mm, axis=-1)
    core_mm, end_mm = CORE * radius_mm, FADE * radius_mm
    fall = np.clip((end_mm - distance) / (end_mm - core_mm), 0, 1)
    size = push_mm * np.where(distance < core_mm, distance / core_mm, fall * fall * (3 - 2 * fall))
    size = size * np.clip(canvas.depth_mm / 16.0, 0, 1)
    return np.asarray(-offset_mm * (size / np.maximum(distance, 1e-6))[..., None], dtype=np.float32)
