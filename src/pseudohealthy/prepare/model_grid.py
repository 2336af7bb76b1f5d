"""The regular grid on which networks see a brain, and the way there and back, each in one interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.regions import image_of, overlap, size, start, support
from pseudohealthy.prepare.separable import apply_along_axes, is_parallel, weights_of

# Blur of a voxel of width r seen from a voxel of width 1: two boxes' widths add in quadrature, as FWHM (2.355 sigma).
_SIGMA_PER_FWHM = 1.0 / np.sqrt(8.0 * np.log(2.0))
_BLUR_REACH = 3.0  # sigmas
_SPLINE_REACH = 6  # voxels: a cubic spline's weights fall by 3.7 a voxel


@dataclass(frozen=True)
class ModelGrid:
    """A grid in model space, centred at its origin.

    Attributes:
        name: Key in `GRIDS`.
        shape: Voxels along x (right), y (anterior), z (superior).
        spacing_mm: Edge of the cubic voxels.
    """

    name: str
    shape: tuple[int, int, int]
    spacing_mm: float

    @property
    def affine(self) -> NDArray[np.float64]:
        """Grid voxel -> model space mm (4, 4)."""
        affine = np.diag([self.spacing_mm] * 3 + [1.0])
        affine[:3, 3] = -self.spacing_mm * (np.array(self.shape) - 1) / 2
        return affine


GRIDS = {
    "paper": ModelGrid("paper", (96, 96, 50), 2.0),  # Behrendt et al. 2024, section 3
    "small": ModelGrid("small", (80, 96, 80), 2.0),  # the whole 160 x 192 x 160 mm field
    "coarse": ModelGrid("coarse", (48, 48, 40), 4.0),  # the same at an eighth of the voxels, in square slices
}


def sample(volume: Volume, model_from_world: NDArray[np.float64], grid: ModelGrid, order: Literal[1, 3] = 1) -> Volume:
    """Bring a scan or a mask onto the model grid.

    Axes along which the grid is coarser than the scan are blurred first, so that nothing aliases. A mask (bool) is
    interpolated as a fraction and cut at one half.

    Args:
        volume: Scan or mask with 0 outside.
        model_from_world: Scan's world mm -> model space mm (4, 4).
        grid: Where to.
        order: Of the spline: 1 (values stay in their range) or 3 (sharper; may overshoot).

    Returns:
        Float32 or bool on the grid, with the affine from grid voxels to model space mm.
    """
    upright = volume.canonical()
    matrix = np.linalg.inv(upright.affine) @ np.linalg.inv(model_from_world) @ grid.affine
    coarseness = np.linalg.norm(matrix[:3, :3], axis=1)  # a grid voxel's width in scan voxels, along each scan axis
    sigma = _SIGMA_PER_FWHM * np.sqrt(np.maximum(coarseness**2 - 1.0, 0.0))
    margin = np.ceil(_BLUR_REACH * sigma).astype(int) + _SPLINE_REACH
    region = overlap(
        support(upright.data, margin), image_of(support(np.ones(grid.shape), 0), matrix, upright.shape, margin)
    )
    on_grid = np.zeros(grid.shape, np.float32)
    if min(size(region)) > 0:
        offset = matrix[:3, 3] - start(region)
        # Fractions of a mask that are exactly one half fall to either side by rounding: they always have by this one.
        fast = is_parallel(matrix) and upright.data.dtype != np.bool_
        resample = _resample_parallel if fast else _resample
        on_grid = resample(upright.data[region], matrix, offset, grid.shape, sigma, order, "grid-constant")
    data: NDArray[Any] = on_grid >= 0.5 if volume.data.dtype == np.bool_ else on_grid
    return Volume(data, grid.affine, qform_code=0, sform_code=2, source=volume.source)


def keep_volume(fraction: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Cut a lesion mask that was interpolated as a fraction of each voxel where it keeps its volume.

    Cut at one half of a voxel, lesions of a few millimetres lose half of their volume on a grid of 2 mm, or vanish.

    Args:
        fraction: Share of each voxel that the lesion covers, any shape.
    """
    number = round(float(fraction.sum()))
    if number == 0:
        return np.zeros(fraction.shape, np.bool_)
    level = np.partition(fraction, -number, axis=None)[-number]
    most, least = np.asarray(fraction >= level), np.asarray(fraction > level)
    # Voxels that are covered alike are all lesion or none: which comes nearer, but a lesion does not vanish.
    few = int(least.sum())
    return least if few and number - few < int(most.sum()) - number else most


def sample_back(
    on_grid: NDArray[Any], grid: ModelGrid, model_from_world: NDArray[np.float64], native: Volume
) -> Volume:
    """Bring a map from the model grid to a scan's own grid, by linear interpolation.

    Args:
        on_grid: Map (x, y, z).
        grid: Where it lies.
        model_from_world: Scan's world mm -> model space mm (4, 4).
        native: The scan whose shape and geometry the result gets.

    Returns:
        Float32 in the scan's storage order; 0 outside the grid's field.
    """
    out = native.like(np.zeros(native.shape, np.float32))
    upright = out.canonical()  # a view: what is written into it, is in `out`
    matrix = np.linalg.inv(grid.affine) @ model_from_world @ upright.affine
    region = image_of(support(on_grid, 1), np.linalg.inv(matrix), upright.shape, 1)
    if min(size(region)) > 0:
        offset = matrix[:3, :3] @ start(region) + matrix[:3, 3]
        resample = _resample_parallel if is_parallel(matrix) else _resample
        # The outermost half voxel of the field has no outer neighbour: it keeps the value of its own voxel.
        values = resample(on_grid, matrix, offset, size(region), np.zeros(3), 1, "nearest")
        upright.data[region] = values * field(grid, model_from_world, upright).data[region]
    return out


def field(grid: ModelGrid, model_from_world: NDArray[np.float64], native: Volume) -> Volume:
    """Return which voxels of a scan have their centre inside the grid's field (edge to edge), as a Volume of bool."""
    matrix = np.linalg.inv(grid.affine) @ model_from_world @ native.affine
    indices = np.ogrid[tuple(slice(n) for n in native.shape)]
    inside: NDArray[np.bool_] = np.ones((1, 1, 1), bool)
    for row, n in zip(matrix, grid.shape, strict=False):
        # An axis that does not matter is left out, so that the usual case, parallel axes, costs three vectors.
        terms = [weight * index for weight, index in zip(row, indices, strict=False) if abs(weight) > 1e-9]
        place = sum(terms, start=np.full((1, 1, 1), row[3]))
        inside = inside & (place >= -0.5) & (place <= n - 0.5)
    return native.like(np.broadcast_to(inside, native.shape))


def _resample(
    data: NDArray[Any],
    matrix: NDArray[np.float64],
    offset: NDArray[np.float64],
    shape: tuple[int, int, int],
    sigma: NDArray[np.float64],
    order: Literal[1, 3],
    mode: Literal["grid-constant", "nearest"],
) -> NDArray[np.float32]:
    """Blur by `sigma` voxels, then interpolate at `matrix @ (index of the result) + offset`; float32 of `shape`."""
    out = np.empty(shape, np.float32)
    near = ndimage.gaussian_filter(data.astype(np.float32), sigma, truncate=_BLUR_REACH, mode="constant")
    ndimage.affine_transform(near, matrix[:3, :3], offset, output=out, order=order, mode=mode)
    return out


def _resample_parallel(
    data: NDArray[Any],
    matrix: NDArray[np.float64],
    offset: NDArray[np.float64],
    shape: tuple[int, int, int],
    sigma: NDArray[np.float64],
    order: Literal[1, 3],
    mode: Literal["grid-constant", "nearest"],
) -> NDArray[np.float32]:
    """`_resample` where no axis is oblique, some ten times as fast and equal to 1e-6 of the largest value.

    Maps on their way back, linear and never cut at one half, do with float32.
    """
    lines = zip(data.shape, shape, sigma.tolist(), np.diag(matrix).tolist(), offset.tolist(), strict=False)
    weights = [_weights(*line, order, mode) for line in lines]
    return apply_along_axes(data, weights, np.float32 if mode == "nearest" else np.float64)


@lru_cache(maxsize=12)  # all maps of a scan come back by the same three
def _weights(
    n: int,
    size: int,
    sigma: float,
    zoom: float,
    offset: float,
    order: Literal[1, 3],
    mode: Literal["grid-constant", "nearest"],
) -> NDArray[np.float64]:
    """What `_resample` does along one axis, as a matrix (size, n)."""

    def along(line: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred = ndimage.gaussian_filter(line, sigma, truncate=_BLUR_REACH, mode="constant")
        found: NDArray[np.float64] = ndimage.affine_transform(
            blurred, np.array([[zoom]]), offset, output_shape=(size,), order=order, mode=mode
        )
        return found

    weights = weights_of(along, n)
    weights.setflags(write=False)
    return weights
