"""What a lesion is painted on: a clean image, its tissues, and a way to push tissue aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.virtual.fields import HALF_FIELD_MM, random_map

Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Canvas:
    """A brain before the scanner's blur and noise, on a grid whose axes point right, front and up.

    All maps are (i, j, k). A virtual brain brings every one of them; for a real scan they come from its label map.

    Attributes:
        plain: Intensities without fine texture, white matter = 1: what each voxel's own tissue looks like.
        texture: Fine variation, zero mean; `image` is `plain + texture`.
        gm: Grey matter, probability.
        wm: White matter, probability.
        csf: CSF, probability, ventricles included.
        ventricles: Lateral and third ventricles, probability.
        brain: Brain mask, bool.
        deep: 1 in deep grey matter, brain stem and cerebellum.
        lateral_mm: Signed distance from the mid-sagittal plane, negative on the left.
        points_mm: (i, j, k, 3) coordinates from the centre of the head.
        spacing_mm: Edge of a voxel.
        gm_level: Mean intensity of grey matter.
        csf_level: Mean intensity of CSF.
        redraw: Given where each voxel's tissue comes from, (i, j, k, 3) mm from its place, the brain with its tissue
            displaced. A virtual brain is drawn anew, at the new points, so that nothing is ever resampled.
    """

    plain: Map
    texture: Map
    gm: Map
    wm: Map
    csf: Map
    ventricles: Map
    brain: NDArray[np.bool_]
    deep: Map
    lateral_mm: Map
    points_mm: Map
    spacing_mm: float
    gm_level: float
    csf_level: float
    redraw: Callable[[Map], Canvas]

    @property
    def image(self) -> Map:
        """Clean intensities (i, j, k)."""
        return self.plain + self.texture

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        return self.spacing_mm**3 / 1000.0

    @cached_property
    def depth_mm(self) -> Map:
        """Distance (i, j, k) to the nearest voxel outside the brain."""
        padded = np.pad(self.brain, 1)
        distance = ndimage.distance_transform_edt(padded)[1:-1, 1:-1, 1:-1]
        return np.asarray(distance * self.spacing_mm, dtype=np.float32)

    @cached_property
    def ventricle_mm(self) -> Map:
        """Distance (i, j, k) to the nearest voxel of the ventricles; 0 inside, infinite where there are none."""
        if not (self.ventricles >= 0.5).any():
            return np.full(self.ventricles.shape, np.inf, dtype=np.float32)
        distance = ndimage.distance_transform_edt(self.ventricles < 0.5)
        return np.asarray(distance * self.spacing_mm, dtype=np.float32)

    def noise(self, rng: np.random.Generator, scale_mm: float) -> Map:
        """A smooth Gaussian field (i, j, k) of zero mean and unit variance, the same on every grid."""
        points = self.points_mm
        axes = (points[:, 0, 0, 0], points[0, :, 0, 1], points[0, 0, :, 2])
        # A real head, or the air around it, may be larger than the field.
        axes_mm = [np.clip(axis, -half, half) for axis, half in zip(axes, HALF_FIELD_MM, strict=True)]
        return np.asarray(random_map(rng, 1, scale_mm, axes_mm)[0])

    def pick(self, weight: Map, rng: np.random.Generator) -> NDArray[np.float64]:
        """A point (3,) in mm drawn with probability proportional to `weight` (i, j, k), which is not 0 everywhere.

        Candidates are drawn in space and accepted by their weight. On another grid the first one that is accepted may
        be another: a lesion may lie elsewhere, with the volume that it was drawn with.
        """
        first, high = self.points_mm[0, 0, 0], np.array(HALF_FIELD_MM)
        candidates = rng.uniform(-high, high, (20_000, 3))
        chance = rng.uniform(0.0, float(weight.max()), len(candidates))
        voxels = np.rint((candidates - first) / self.spacing_mm).astype(int)
        inside = np.all((voxels >= 0) & (voxels < weight.shape), axis=1)
        here = np.where(inside, weight[tuple(np.clip(voxels, 0, np.array(weight.shape) - 1).T)], 0.0)
        accepted = np.flatnonzero(here > chance)
        if accepted.size:
            return np.asarray(candidates[accepted[0]])
        best = np.unravel_index(int(np.argmax(weight)), weight.shape)
        return np.asarray(self.points_mm[best], dtype=np.float64)
