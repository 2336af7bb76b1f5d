"""Where a real brain is painted: a grid of cubic voxels that stands upright in its head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from pseudohealthy.io.volume import Volume
from pseudohealthy.virtual.atlas import atlas

MARGIN_MM = 6.0  # of air around the brain


@dataclass(frozen=True, eq=False)
class HostGrid:
    """A regular grid in a head's own frame: mm from the middle of the head, to the right, to the front, up.

    The frame is the scan's world, turned by the rotation of the affine to MNI152, without its stretch, and shifted so
    that the template's middle lies at 0: the frame in which virtual people live, too, so that one description of where
    lesions lie serves both. In the scan's world the grid is oblique by as much as the head was tilted.

    Attributes:
        shape: Voxels along each axis.
        spacing_mm: Edge of a voxel.
        first_mm: Head mm (3,) of the first voxel's centre.
        world_from_head: Head mm -> the scan's world mm (4, 4): a rotation and a shift.
        mni_from_head: Head mm -> MNI152 mm (4, 4).
    """

    shape: tuple[int, int, int]
    spacing_mm: float
    first_mm: NDArray[np.float64]
    world_from_head: NDArray[np.float64]
    mni_from_head: NDArray[np.float64]

    @property
    def affine(self) -> NDArray[np.float64]:
        """Voxel -> the scan's world mm (4, 4)."""
        head_from_voxel = np.diag([self.spacing_mm] * 3 + [1.0])
        head_from_voxel[:3, 3] = self.first_mm
        return np.asarray(self.world_from_head @ head_from_voxel)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        return self.spacing_mm**3 / 1000.0

    @cached_property
    def points_mm(self) -> NDArray[np.float32]:
        """Head mm of every voxel (i, j, k, 3)."""
        axes = [first + self.spacing_mm * np.arange(n) for first, n in zip(self.first_mm, self.shape, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).astype(np.float32)


def grid_around(mask: Volume, mni_from_world: NDArray[np.float64], spacing_mm: float) -> HostGrid:
    """Return the grid around a brain, one of whose voxels lies at the middle of the head.

    Args:
        mask: Brain mask, bool, not empty.
        mni_from_world: Scan's world mm -> MNI152 mm (4, 4), no mirror image.
        spacing_mm: Edge of a voxel.
    """
    rotation, _ = linalg.polar(mni_from_world[:3, :3])
    centre = np.array([*atlas().centre_mm, 1.0])
    world_from_head = np.eye(4)
    world_from_head[:3, :3] = rotation.T
    world_from_head[:3, 3] = (np.linalg.inv(mni_from_world) @ centre)[:3]
    head_from_voxel = np.linalg.inv(world_from_head) @ mask.affine
    places = np.argwhere(mask.data) @ head_from_voxel[:3, :3].T + head_from_voxel[:3, 3]
    first = np.floor((places.min(axis=0) - MARGIN_MM) / spacing_mm)
    last = np.ceil((places.max(axis=0) + MARGIN_MM) / spacing_mm)
    i, j, k = (int(n) for n in last - first + 1)
    return HostGrid((i, j, k), spacing_mm, first * spacing_mm, world_from_head, mni_from_world @ world_from_head)
