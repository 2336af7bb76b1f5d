"""What every lesion kind has: a shape, an intensity, and facts about both. Painting is the same for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.virtual.canvas import Canvas, Map

CONTRAST_SIGN = {"dark": -1, "none": 0, "bright": 1}


@dataclass(frozen=True, eq=False)
class Shape:
    """Where a lesion is.

    Attributes:
        canvas: The brain that it is painted on: the healthy one, or the one whose tissue it has pushed aside.
        opacity: (i, j, k) in [0, 1], with soft borders.
        level: (i, j, k), 0 or so in the lesion's middle, 1 at its border, more outside.
        displacement_mm: (i, j, k, 3) where each voxel's tissue comes from, relative to the voxel; all
            0 without mass effect.
        outline: (i, j, k) bool, what counts as lesion; None where that is an opacity above 0.5.
    """

    canvas: Canvas
    opacity: Map
    level: Map
    displacement_mm: Map
    outline: NDArray[np.bool_] | None = None


class Lesion(ABC):
    """One kind of lesion.

    Attributes:
        volume_ml: Range of the mask's volume.
        contrast: Sign of (lesion - the same person's healthy tissue), averaged over the mask, on T1.
        mass_effect: Whether tissue around the lesion is displaced.
    """

    volume_ml: ClassVar[tuple[float, float]]
    contrast: ClassVar[Literal["dark", "none", "bright"]]
    mass_effect: ClassVar[bool] = False

    @abstractmethod
    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """Draw a place and an extent."""

    @abstractmethod
    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """Draw what the lesion looks like where its opacity is 1, (i, j, k), white matter = 1."""

    def draw_volume_ml(self, rng: np.random.Generator) -> float:
        """A volume from the kind's range, small ones as often as large ones on a logarithmic scale.

        It stays away from the lower end: a lesion loses its crumbs.
        """
        low, high = self.volume_ml
        return float(np.exp(rng.uniform(np.log(1.35 * low), np.log(high))))


@dataclass(frozen=True, eq=False)
class Painted:
    """A brain with a lesion.

    Attributes:
        image: (i, j, k) clean intensities, white matter = 1.
        mask: (i, j, k) bool, the voxels of the brain within the shape's outline.
        shape: The lesion's shape, with the brain that it was painted on.
    """

    image: Map
    mask: NDArray[np.bool_]
    shape: Shape


def paint(canvas: Canvas, lesion: Lesion, rng: np.random.Generator) -> Painted:
    """Paint a lesion on a clean brain: `image = (1 - opacity) * tissue + opacity * intensity`."""
    shape = lesion.shape(canvas, rng)
    tissue = shape.canvas.image
    image = tissue + shape.opacity * (lesion.intensity(shape, rng) - tissue)
    inside = shape.opacity > 0.5 if shape.outline is None else shape.outline
    return Painted(image.astype(np.float32), inside & canvas.brain, shape)


def grow(
    canvas: Canvas, level: Map, volume_ml: float, scale_mm: float, soft_mm: float, crumb_ml: float = 0.03
) -> tuple[Map, Map]:
    """The lesion of a given volume in a field that rises from its middle outwards.

    Args:
        canvas: The brain.
        level: (i, j, k); infinite where the lesion must not be.
        volume_ml: Volume to reach; where less tissue has a finite level, nine tenths of that tissue.
        scale_mm: Distance over which `level` rises by 1.
        soft_mm: Width of the soft border.
        crumb_ml: Smaller pieces are dropped.

    Returns:
        Opacity (i, j, k) and the level scaled to 1 at the border.
    """
    allowed = canvas.brain & np.isfinite(level)
    n = max(1, min(round(volume_ml / canvas.voxel_ml), int(0.9 * np.count_nonzero(allowed))))
    roof = 3 * float(np.partition(level[allowed], n)[n])
    # Smoothed within the allowed tissue alone, or the skull would fend lesions off.
    inside, sigma = allowed.astype(np.float32), 1.0 / canvas.spacing_mm
    within = np.where(allowed, np.minimum(level, roof), 0.0).astype(np.float32)
    smooth = ndimage.gaussian_filter(within, sigma) / np.maximum(ndimage.gaussian_filter(inside, sigma), 1e-3)
    border = float(np.partition(smooth[allowed], n)[n])
    ramp = np.where(allowed, np.clip(0.5 + (border - smooth) * scale_mm / soft_mm, 0.0, 1.0), 0.0)
    opacity = ramp * ramp * (3 - 2 * ramp)
    mask = _without_crumbs(opacity > 0.5, crumb_ml / canvas.voxel_ml)
    # Where the level rises slowly the border would reach far: nothing changes beyond twice its width from the mask.
    away_mm = ndimage.distance_transform_edt(~mask) * canvas.spacing_mm
    ended = np.where(mask, opacity, np.minimum(opacity, 0.5) * np.clip(2 - away_mm / soft_mm, 0.0, 1.0))
    return ended.astype(np.float32), (smooth / border).astype(np.float32)


def _without_crumbs(mask: NDArray[np.bool_], n_voxels: float) -> NDArray[np.bool_]:
    """Drop pieces of fewer than `n_voxels`."""
    pieces, n = ndimage.label(mask)
    keep = np.bincount(pieces.ravel(), minlength=n + 1) >= n_voxels
    return np.asarray(keep[pieces] & mask)


def no_displacement(canvas: Canvas) -> Map:
    """The displacement of a lesion without mass effect, (i, j, k, 3)."""
    return np.zeros_like(canvas.points_mm)
