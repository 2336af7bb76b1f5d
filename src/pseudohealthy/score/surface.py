"""Distance between the surfaces of two masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from pseudohealthy.score.box import bounding_box


def hd95_mm(prediction: NDArray[np.bool_], reference: NDArray[np.bool_], spacing_mm: Sequence[float]) -> float | None:
    """95 % Hausdorff distance: the larger of the two 95th percentiles of distances between the surfaces, in mm.

    A surface is the mask's voxels with a face outside it; distances go from voxel centre to voxel centre.

    Args:
        prediction: bool, 3-D.
        reference: bool, same shape.
        spacing_mm: Voxel size on each axis.

    Returns:
        The distance, or None where one of the masks is empty.
    """
    if not prediction.any() or not reference.any():
        return None
    predicted, wanted = _surface_mm(prediction, spacing_mm), _surface_mm(reference, spacing_mm)
    return max(_directed_mm(predicted, wanted), _directed_mm(wanted, predicted))


def _surface_mm(mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    box = bounding_box(mask)
    crop = mask[box]
    surface = np.argwhere(crop & ~ndimage.binary_erosion(crop)) + [side.start for side in box]
    return np.asarray(surface * np.asarray(spacing_mm, dtype=np.float64))


def _directed_mm(points: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    # Regular grids need no balanced tree, and building one takes longer than the query.
    tree = KDTree(targets, balanced_tree=False, compact_nodes=False)
    return float(np.percentile(tree.query(points)[0], 95))
