"""The box that holds a mask: work on the brain, not on the air around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def bounding_box(mask: NDArray[np.bool_], margin: int = 0) -> tuple[slice, ...]:
    """Slices of the smallest box that holds every voxel of a mask.

    Args:
        mask: bool, any number of axes.
        margin: Voxels added on every side, as far as the array reaches.

    Returns:
        One slice an axis; empty slices for an empty mask.
    """
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        if filled.size == 0:
            return (slice(0, 0),) * mask.ndim
        box.append(slice(max(int(filled[0]) - margin, 0), int(filled[-1]) + 1 + margin))
    return tuple(box)
