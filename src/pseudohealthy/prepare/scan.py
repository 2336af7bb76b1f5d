"""A scan as networks see it, with the way back to its own grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_mask import brain_mask, island_warnings
from pseudohealthy.prepare.intensity import CEILING, IntensityScale, fit_scale
from pseudohealthy.prepare.model_grid import ModelGrid, field, keep_volume, sample, sample_back
from pseudohealthy.prepare.regions import support
from pseudohealthy.prepare.space import SPACES


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """A scan on the model grid, and where it came from.

    Attributes:
        image: Float32 (x, y, z) on the model grid, in [0, 1.5], 0 outside the brain.
        mask: Bool (x, y, z), the brain on the model grid.
        native: The scan as read.
        native_mask: Its brain mask, bool, on its own grid.
        model_from_world: Scan's world mm -> model space mm (4, 4).
        grid: The model grid.
        scale: The scan's intensities <-> [0, 1.5].
        coverage: Share of the native brain mask's voxels inside the grid's field, 0 to 1.
    """

    image: Volume
    mask: Volume
    native: Volume
    native_mask: Volume
    model_from_world: NDArray[np.float64]
    grid: ModelGrid
    scale: IntensityScale
    coverage: float

    @property
    def world_from_grid(self) -> NDArray[np.float64]:
        """Grid voxel -> scan's world mm (4, 4): a voxel's size in the person, whom model space may have scaled."""
        return np.asarray(np.linalg.inv(self.model_from_world) @ self.grid.affine)

    def to_native(self, on_grid: NDArray[Any]) -> Volume:
        """Bring a map (x, y, z) to the scan's own grid: float32, linear, 0 outside the brain or the grid's field."""
        volume = sample_back(on_grid, self.grid, self.model_from_world, self.native)
        volume.data[~self.native_mask.data] = 0
        return volume

    def lesion_on_grid(self, lesion: Volume) -> NDArray[np.bool_]:
        """Bring a lesion mask from the scan's grid to the model grid with its volume: bool (x, y, z), in the brain."""
        on_grid = sample(lesion.like(lesion.data.astype(np.float32)), self.model_from_world, self.grid)
        return np.asarray(keep_volume(on_grid.data) & self.mask.data)


def prepare_scan(
    image: Volume, grid: ModelGrid, given_mask: Volume | None = None, space: str = "brainbox"
) -> PreparedScan:
    """Bring a scan onto the model grid: brain mask, model space, intensities, one interpolation.

    Args:
        image: A T1w scan, skull-stripped unless a mask is given.
        grid: The model grid.
        given_mask: Brain mask on the scan's grid.
        space: Name of the model space in `prepare.space.SPACES`.

    Raises:
        ImageError: No brain mask can be found, the brain has no contrast, or it cannot be laid into the space.
    """
    native_mask = brain_mask(image, given_mask)
    if given_mask is not None:
        image = replace(image, warnings=(*image.warnings, *island_warnings(native_mask)))
    model_from_world = SPACES[space](image, native_mask)
    scale = fit_scale(image, native_mask)
    box = support(native_mask.data, 0)
    scaled = image.like(np.zeros_like(image.data, np.float32))
    scaled.data[box] = scale.apply(image.data[box]) * native_mask.data[box]
    mask = sample(native_mask, model_from_world, grid)
    # Cubic, as the paper's B-spline: between voxels of nearly the grid's own size, linear interpolation blurs in bands.
    on_grid = sample(scaled, model_from_world, grid, order=3)
    covered = native_mask.data & field(grid, model_from_world, image).data
    return PreparedScan(
        image=on_grid.like(np.clip(on_grid.data, 0, CEILING) * mask.data),
        mask=mask,
        native=image,
        native_mask=native_mask,
        model_from_world=model_from_world,
        grid=grid,
        scale=scale,
        coverage=float(covered.sum() / native_mask.data.sum()),
    )
