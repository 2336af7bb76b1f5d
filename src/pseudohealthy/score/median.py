"""Median filter of the unsupervised map (paper, section 3: 3-D, kernel 5): the clean-up that matters most."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pseudohealthy.errors import ConfigError
from pseudohealthy.score.box import bounding_box

Floating = TypeVar("Floating", np.float32, np.float64)


def median_in_mask(values: NDArray[Floating], mask: NDArray[np.bool_], edge: int = 5) -> NDArray[Floating]:
    """Exact 3-D median at the voxels of a mask, 0 elsewhere.

    Equals `scipy.ndimage.median_filter(values * mask, edge, mode="constant")` at the mask's voxels, and is several
    times faster because it works there alone, with numpy's vectorised selection.

    Args:
        values: Map, 3-D; what lies outside the mask counts as 0.
        mask: Brain mask, bool.
        edge: Edge of the cubic window in voxels, odd; 1 leaves the map as it is inside the mask.

    Raises:
        ConfigError: `edge` is even or not positive.
    """
    if edge < 1 or edge % 2 == 0:
        raise ConfigError(
            "median_voxels",
            found=str(edge),
            needed="an odd number of voxels (1, 3, 5, ...)",
            fix="A window needs a voxel in its middle.",
        )
    filtered = np.zeros_like(values)
    box = bounding_box(mask)
    inside, out = mask[box], filtered[box]
    if not inside.size:
        return filtered
    windows = sliding_window_view(np.pad(np.where(inside, values[box], 0), edge // 2), (edge, edge, edge))
    middle = edge**3 // 2
    for i in range(len(inside)):  # slab by slab: the windows are edge**3 times as large as the map
        neighbourhoods = windows[i][inside[i]].reshape(-1, edge**3)
        neighbourhoods.partition(middle, axis=1)
        out[i][inside[i]] = neighbourhoods[:, middle]
    return filtered
