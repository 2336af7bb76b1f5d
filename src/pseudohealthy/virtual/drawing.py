"""From a person to a clean brain on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from pseudohealthy.virtual.anatomy import Anatomy, brain
from pseudohealthy.virtual.appearance import Appearance
from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.fields import HALF_FIELD_MM

Axes = Sequence[NDArray[np.floating]]
Window = tuple[slice, slice, slice]


class Head:
    """One person on one grid.

    Args:
        anatomy: The person's tissues.
        appearance: What they look like.
        axes_mm: Coordinates of the grid's points along each axis, from the centre of the head.
        spacing_mm: Distance of neighbouring points.

    Attributes:
        canvas: The healthy brain.
    """

    def __init__(self, anatomy: Anatomy, appearance: Appearance, axes_mm: Axes, spacing_mm: float) -> None:
        self._anatomy, self._appearance = anatomy, appearance
        self._points_mm = _points(axes_mm)
        atlas_mm = anatomy.atlas_mm(self._points_mm)
        mask = _brain_mask(brain(atlas_mm))
        # Two voxels more than the brain, for the scanner's blur; what lies beyond is never seen and stays CSF.
        self._near = ndimage.binary_dilation(mask, iterations=2)
        zero, contrast = np.zeros(mask.shape, dtype=np.float32), appearance.contrast
        nothing = Canvas(
            **dict.fromkeys(("texture", "gm", "wm", "ventricles", "deep", "lateral_mm"), zero),
            plain=np.full_like(zero, contrast.csf),
            csf=np.ones_like(zero),
            brain=mask,
            points_mm=self._points_mm.numpy(),
            spacing_mm=spacing_mm,
            gm_level=contrast.gm,
            csf_level=contrast.csf,
            redraw=self._displaced,
        )
        inside = torch.from_numpy(self._near)
        self.canvas = self._fill(nothing, self._near, self._points_mm[inside], atlas_mm[inside])

    def _displaced(self, displacement_mm: Map) -> Canvas:
        where = self._near & np.any(displacement_mm != 0, axis=-1)
        points_mm = self._points_mm[torch.from_numpy(where)] + torch.from_numpy(displacement_mm[where])
        return self._fill(self.canvas, where, points_mm, self._anatomy.atlas_mm(points_mm))

    def _fill(self, base: Canvas, where: NDArray[np.bool_], points_mm: Tensor, atlas_mm: Tensor) -> Canvas:
        tissues = self._anatomy.tissues(points_mm, atlas_mm)
        values = {name: getattr(tissues, name) for name in ("gm", "wm", "csf", "ventricles", "deep", "lateral_mm")}
        values |= {"plain": self._appearance.plain(tissues), "texture": self._appearance.texture(points_mm)}
        maps = {name: getattr(base, name).copy() for name in values}
        for name, inside in values.items():
            maps[name][where] = inside.numpy()
        return replace(base, **maps)


def head_window(anatomy: Anatomy, grid_mm: Axes, spacing_mm: float) -> Window:
    """The box of voxels that holds the brain with a margin, from a look at 6 mm."""
    axes = [np.arange(-half, half + 1, 6.0) for half in HALF_FIELD_MM]
    found = np.argwhere(brain(anatomy.atlas_mm(_points(axes))).numpy() > 0.05)
    margin = 6.0 + 3 * spacing_mm
    low = [axis[i] - margin for axis, i in zip(axes, found.min(axis=0), strict=True)]
    high = [axis[i] + margin for axis, i in zip(axes, found.max(axis=0), strict=True)]
    ends = zip(grid_mm, low, high, strict=True)
    a, b, c = (slice(int(np.searchsorted(grid, start)), int(np.searchsorted(grid, stop))) for grid, start, stop in ends)
    return a, b, c


def _points(axes_mm: Axes) -> Tensor:
    """The points (i, j, k, 3) float32 of a grid."""
    return torch.from_numpy(np.stack(np.meshgrid(*axes_mm, indexing="ij"), axis=-1).astype(np.float32))


def _brain_mask(probability: Tensor) -> NDArray[np.bool_]:
    """The largest piece above one half, without holes."""
    labels, _ = ndimage.label(probability.numpy() > 0.5)
    largest = int(np.argmax(np.bincount(labels.ravel())[1:])) + 1
    return np.asarray(ndimage.binary_fill_holes(labels == largest), dtype=np.bool_)
