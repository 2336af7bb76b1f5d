"""Where a brain comes to lie: functions from a brain mask to the map scan's world mm -> model space mm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.regions import size, start, support

MODEL_BOX_MM = (140.0, 176.0, 136.0)  # right-left, anterior-posterior, superior-inferior extent of the MNI brain


def brainbox(mask: Volume) -> NDArray[np.float64]:
    """Map the box of a brain onto the box of the MNI brain, centred at 0.

    The box is measured along the scan's own voxel axes in RAS order, edge to edge: tilted and oblique scans keep their
    slices, and any storage order of the same voxels gives the same map. Left stays left.

    Args:
        mask: Brain mask (i, j, k), not empty.

    Returns:
        Affine (4, 4) from world mm to model space mm; exactly invertible, without rotation relative to the voxel axes.
    """
    upright = mask.canonical()
    box = support(upright.data, 0)
    low, high = start(box) - 0.5, start(box) + size(box) - 0.5  # voxel edges
    model_from_voxel = np.eye(4)
    zoom = np.array(MODEL_BOX_MM) / (high - low)
    model_from_voxel[:3, :3] = np.diag(zoom)
    model_from_voxel[:3, 3] = -zoom * (low + high) / 2
    return np.asarray(model_from_voxel @ np.linalg.inv(upright.affine))


SPACES: dict[str, Callable[[Volume], NDArray[np.float64]]] = {"brainbox": brainbox}
