"""Boxes of voxels: what lets a resampling skip the empty part of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Region = tuple[slice, slice, slice]


def support(data: NDArray[Any], margin: ArrayLike) -> Region:
    """Return the box of the voxels that are not 0, wider by `margin` voxels an axis; of no size where all are 0."""
    edges = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(data.any(axis=others))
        edges.append((used[0], used[-1]) if used.size else (0, -1))
    low, high = np.array(edges).T
    if (high < low).any():
        return slice(0, 0), slice(0, 0), slice(0, 0)
    return _clipped(low - margin, high + 1 + margin, data.shape)


def image_of(region: Region, matrix: NDArray[np.floating], shape: Sequence[int], margin: ArrayLike) -> Region:
    """Return the box of indices that a box of voxels, edge to edge, is mapped into.

    Args:
        region: Box of voxels of one grid.
        matrix: Voxel of that grid -> voxel of another (4, 4).
        shape: Shape of the other grid, to which the result is clipped.
        margin: Voxels to add on each side.
    """
    corners = np.array(list(product(*((part.start - 0.5, part.stop - 0.5) for part in region))))
    places = corners @ matrix[:3, :3].T + matrix[:3, 3]
    return _clipped(np.floor(places.min(0)) - margin, np.ceil(places.max(0)) + 1 + margin, shape)


def overlap(one: Region, other: Region) -> Region:
    """Return the box that two boxes share; of no size where they are apart."""
    a, b, c = (slice(max(p.start, q.start), min(p.stop, q.stop)) for p, q in zip(one, other, strict=True))
    return a, b, c


def start(region: Region) -> NDArray[np.int64]:
    """Return the first index of a box on each axis."""
    return np.array([part.start for part in region])


def size(region: Region) -> tuple[int, int, int]:
    """Return the voxels of a box on each axis."""
    a, b, c = (max(part.stop - part.start, 0) for part in region)
    return a, b, c


def _clipped(low: ArrayLike, high: ArrayLike, shape: Sequence[int]) -> Region:
    low, high = np.clip(low, 0, shape).astype(int), np.clip(high, 0, shape).astype(int)
    a, b, c = (slice(int(p), int(q)) for p, q in zip(low, high, strict=True))
    return a, b, c
