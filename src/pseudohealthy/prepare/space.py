"""Where a brain comes to lie: functions from a scan and its brain mask to the map scan's world mm -> model space mm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_mask import without_islands
from pseudohealthy.prepare.regions import size, start, support
from pseudohealthy.prepare.register import register
from pseudohealthy.prepare.registration import refuse_untrusted

MODEL_BOX_MM = (140.0, 176.0, 136.0)  # right-left, anterior-posterior, superior-inferior extent of the MNI brain
MNI_CENTRE_MM = (0.0, -17.0, 5.0)  # of the box of the MNI152 template's brain mask, which is 145 x 181 x 155 mm


def brainbox(image: Volume, mask: Volume) -> NDArray[np.float64]:
    """Map the box of a brain onto the box of the MNI brain, centred at 0.

    The box is measured along the scan's own voxel axes in RAS order, edge to edge: tilted and oblique scans keep their
    slices, and any storage order of the same voxels gives the same map. Left stays left. Islands of the mask are left
    out of it.

    Args:
        image: The scan; only its mask matters here.
        mask: Brain mask (i, j, k), not empty.

    Returns:
        Affine (4, 4) from world mm to model space mm; exactly invertible, without rotation relative to the voxel axes.
    """
    upright = without_islands(mask).canonical()
    box = support(upright.data, 0)
    low, high = start(box) - 0.5, start(box) + size(box) - 0.5  # voxel edges
    model_from_voxel = np.eye(4)
    zoom = np.array(MODEL_BOX_MM) / (high - low)
    model_from_voxel[:3, :3] = np.diag(zoom)
    model_from_voxel[:3, 3] = -zoom * (low + high) / 2
    return np.asarray(model_from_voxel @ np.linalg.inv(upright.affine))


def mni152(image: Volume, mask: Volume) -> NDArray[np.float64]:
    """Register a brain to the MNI152 template, whose box comes to lie centred at 0: every model grid's middle.

    Args:
        image: T1w scan (i, j, k).
        mask: Brain mask on the same grid.

    Returns:
        Affine (4, 4) from world mm to model space mm: MNI152 mm less `MNI_CENTRE_MM`.

    Raises:
        ImageError: The registration cannot be trusted.
        MissingExtraError: SimpleITK is not installed.
    """
    found = register(image, mask, load_template("mni152"))
    fix = "Look at the brain mask and the scan's orientation, or use a model of the space 'brainbox'."
    refuse_untrusted(found, image, "mni152", fix)
    model_from_template = np.eye(4)
    model_from_template[:3, 3] = -np.array(MNI_CENTRE_MM)
    return np.asarray(model_from_template @ found.template_from_world)


SPACES: dict[str, Callable[[Volume, Volume], NDArray[np.float64]]] = {"brainbox": brainbox, "mni152": mni152}
