"""Multiple sclerosis: several small ovoids in white matter, most of them near the ventricles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, grow, no_displacement

RADIUS_MM = (2.0, 6.5)
FAR_SHARE = 0.12  # chance of a place far from the ventricles, relative to one at their wall


class MultipleSclerosis(Lesion):
    """T1-hypointense plaques ("black holes" and fainter ones); long axes point away from the ventricles."""

    volume_ml = (1.5, 16.0)
    contrast = "dark"

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """Ovoids are added until they make up the volume."""
        volume_ml = self.draw_volume_ml(rng)
        near = np.exp(-canvas.ventricle_mm / 6.0) + FAR_SHARE
        above = (canvas.points_mm[..., 2] > -25) & (canvas.ventricles < 0.2)
        place = canvas.wm**2 * near * above * (1 - 0.8 * canvas.deep) * (canvas.depth_mm > 6)
        outwards = np.moveaxis(
            np.asarray(np.gradient(ndimage.gaussian_filter(canvas.ventricle_mm, 2.0 / canvas.spacing_mm))), 0, -1
        )
        level = np.full(canvas.plain.shape, np.inf, dtype=np.float32)
        placed_ml, scale_mm = 0.0, RADIUS_MM[0]
        while placed_ml < volume_ml:
            centre = canvas.pick(place, rng)
            radius_mm = float(np.exp(rng.uniform(*np.log(RADIUS_MM))))
            _add_ovoid(level, canvas, centre, radius_mm, outwards)
            placed_ml += 4 / 3 * np.pi * radius_mm**3 / 1000.0
            scale_mm = max(scale_mm, radius_mm)
        rough = level * (1 + 0.12 * canvas.noise(rng, 5.0)) + 0.8 * (1 - canvas.wm)
        opacity, level = grow(canvas, rough, volume_ml, 0.7 * scale_mm, 1.6)
        return Shape(canvas, opacity, level, no_displacement(canvas))

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """From two fifths of the way between CSF and grey matter to grey matter itself, different in each plaque."""
        canvas = shape.canvas
        share = np.clip(0.7 + 0.25 * canvas.noise(rng, 12.0), 0.4, 1.05)
        return np.asarray(canvas.csf_level + share * (canvas.gm_level - canvas.csf_level), dtype=np.float32)


def _add_ovoid(level: Map, canvas: Canvas, centre: NDArray[np.float64], radius_mm: float, outwards: Map) -> None:
    """Lower `level` (in place) to the distance from an ovoid's centre in units of its radius, near the ovoid."""
    voxel = np.rint((centre - canvas.points_mm[0, 0, 0]) / canvas.spacing_mm).astype(int)
    reach = int(np.ceil(3 * radius_mm / canvas.spacing_mm))
    window = tuple(slice(max(0, v - reach), v + reach + 1) for v in voxel)
    offset = canvas.points_mm[window] - centre
    axis = outwards[tuple(np.clip(voxel, 0, np.array(level.shape) - 1))]
    along = offset @ (axis / max(float(np.linalg.norm(axis)), 1e-6))
    # Dawson's fingers: 1.5 times as long as wide.
    stretched = np.sqrt(np.maximum((offset**2).sum(axis=-1) - along**2, 0) * 1.31 + along**2 * 0.58)
    level[window] = np.minimum(level[window], stretched / radius_mm)
