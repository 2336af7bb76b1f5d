"""Resampling between grids with parallel axes: one matrix an axis instead of 64 neighbours a voxel.

Blur, spline and interpolation are linear and work along one axis after the other where no axis of one grid is oblique
to the other's. What they do along an axis is then a matrix, and is found by giving them the unit vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Line = NDArray[np.float64]

_OBLIQUE = 1e-9  # less is rounding: over a thousand voxels it moves nothing by a millionth of one


def is_parallel(matrix: NDArray[np.float64]) -> bool:
    """Return whether a map from voxels to voxels (4, 4) takes each axis to the same axis of the other grid."""
    linear = matrix[:3, :3]
    return bool(np.abs(linear - np.diag(np.diag(linear))).max() < _OBLIQUE)


def weights_of(transform: Callable[[Line], Line], n: int) -> NDArray[np.float64]:
    """Return the matrix (m, n) of a linear function that turns lines of n voxels into lines of m."""
    return np.stack([transform(unit) for unit in np.eye(n)], axis=1)


def apply_along_axes(
    data: NDArray[Any], weights: Sequence[NDArray[np.float64]], bits: type[np.floating[Any]] = np.float64
) -> NDArray[np.float32]:
    """Multiply every line along each axis with that axis' matrix.

    Args:
        data: (i, j, k).
        weights: For each axis a matrix (voxels of the result, voxels of `data`).
        bits: What it is computed in: float64, which a fraction that is cut at one half and a share that must not exceed
            1 need, or float32, in half the time.
    """
    out: NDArray[np.floating[Any]] = data.astype(bits)
    matrices = [matrix.astype(bits) for matrix in weights]
    if out.flags.f_contiguous:  # as NIfTI files are read: the same without a copy
        return _apply(out.T, matrices[::-1]).T
    return _apply(out, matrices)


def _apply(data: NDArray[np.floating[Any]], matrices: Sequence[NDArray[np.floating[Any]]]) -> NDArray[np.float32]:
    for matrix in matrices:
        data = np.tensordot(data, matrix, axes=(0, 1))  # the first axis goes to the end: after three, all stand again
    return data.astype(np.float32, copy=False)
