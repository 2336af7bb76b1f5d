"""A brain in a frame of its own, where two brains of any storage and place are nearly in line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.model_grid import ModelGrid, sample
from pseudohealthy.prepare.regions import size, start, support

_MARGIN_MM = 16.0  # air around the brain, by which a start may be wrong
_RIM_MM = 8.0


@dataclass(frozen=True, eq=False)
class BrainFrame:
    """A brain and its frame: mm from the middle of its box, along its storage axes nearest to R, A, S.

    Attributes:
        image: The scan, 0 outside the brain.
        mask: Bool on the same grid.
        frame_from_world: World mm -> frame mm (4, 4); a rotation and a shift.
        extent_mm: Edges of the brain's box.
        centroid_mm: Of the mask, in the frame.
    """

    image: Volume
    mask: Volume
    frame_from_world: NDArray[np.float64]
    extent_mm: NDArray[np.float64]
    centroid_mm: NDArray[np.float64]

    def grid(self, spacing_mm: float) -> ModelGrid:
        """Return the grid of cubic voxels that holds the brain and some air."""
        x, y, z = (int(n) for n in np.ceil((self.extent_mm + 2 * _MARGIN_MM) / spacing_mm))
        return ModelGrid("frame", (x, y, z), spacing_mm)

    def brain_at(self, spacing_mm: float) -> Volume:
        """Return the brain's image on the frame's grid, float32."""
        return sample(self.image, self.frame_from_world, self.grid(spacing_mm))

    def rim_at(self, spacing_mm: float) -> Volume:
        """Return the brain and 8 mm of air around it on the frame's grid, bool."""
        brain = sample(self.mask, self.frame_from_world, self.grid(spacing_mm))
        return brain.like(ndimage.distance_transform_edt(~brain.data, sampling=spacing_mm) <= _RIM_MM)

    def seen_at(self, spacing_mm: float) -> Volume:
        """Return what of the frame's grid lies in the scan's field of view, edge to edge: bool."""
        grid = self.grid(spacing_mm)
        return Volume(seen_on(grid, self.frame_from_world, self.mask), grid.affine)


def frame_of(image: Volume, mask: Volume) -> BrainFrame:
    """Return the frame of a scan's brain.

    Args:
        image: Scan (i, j, k).
        mask: Brain mask, bool, not empty, on the same grid.
    """
    upright = mask.canonical()
    box = support(upright.data, 0)
    low, high = start(box) - 0.5, start(box) + size(box) - 0.5  # voxel edges
    to_world = upright.affine[:3, :3]
    axes, _ = linalg.polar(to_world)  # the nearest rotation: a sheared affine has no right angles
    frame_from_world = np.eye(4)
    frame_from_world[:3, :3] = axes.T
    frame_from_world[:3, 3] = -axes.T @ (to_world @ (low + high) / 2 + upright.affine[:3, 3])
    centroid = np.array(ndimage.center_of_mass(upright.data[box])) + start(box)
    return BrainFrame(
        image=image.like(np.where(mask.data, image.data, 0).astype(np.float32)),
        mask=mask,
        frame_from_world=frame_from_world,
        extent_mm=(high - low) * np.array(upright.spacing_mm),
        centroid_mm=axes.T @ to_world @ (centroid - (low + high) / 2),
    )


def seen_on(grid: ModelGrid, grid_from_world: NDArray[np.float64], scan: Volume) -> NDArray[np.bool_]:
    """Return which voxels of a grid have their centre in the field of view of a scan, bool (x, y, z).

    Args:
        grid: Where it is asked.
        grid_from_world: Scan's world mm -> the grid's mm (4, 4).
        scan: Of which only the geometry matters.
    """
    voxel_from_grid = np.linalg.inv(grid_from_world @ scan.affine) @ grid.affine
    places = np.tensordot(voxel_from_grid[:3, :3], np.indices(grid.shape), 1) + voxel_from_grid[:3, 3, None, None, None]
    last = np.array(scan.shape)[:, None, None, None] - 0.5
    return np.asarray(((places >= -0.5) & (places <= last)).all(axis=0))
