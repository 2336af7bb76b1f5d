"""Affine registration by ANTs, where it is installed: slower than ours, and a second opinion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import require
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_frame import BrainFrame

_SPACING_MM = 2.0
_SEED = 1


def affine_by_ants(scan: BrainFrame, aim: BrainFrame) -> NDArray[np.float64]:
    """Find an affine with ANTs (Avants et al. 2011), Mattes mutual information, a fixed seed.

    Args:
        scan: The scan's brain.
        aim: The template's.

    Returns:
        Template's frame mm -> scan's frame mm (4, 4).

    Raises:
        MissingExtraError: antspyx is not installed.
    """
    ants = require("ants", "ants")
    fixed, moving = (_image(ants, brain.brain_at(_SPACING_MM)) for brain in (aim, scan))
    result = ants.registration(fixed, moving, "Affine", aff_metric="mattes", random_seed=_SEED)
    transform = ants.read_transform(result["fwdtransforms"][0])
    numbers, centre = np.array(transform.parameters), np.array(transform.fixed_parameters)
    found = np.eye(4)
    found[:3, :3] = numbers[:9].reshape(3, 3)
    found[:3, 3] = numbers[9:] + centre - found[:3, :3] @ centre
    return found


def _image(ants: Any, volume: Volume) -> Any:
    """The voxels with the frame's coordinates, which ANTs takes for its own."""
    data = np.ascontiguousarray(volume.data, np.float32)
    return ants.from_numpy(data, origin=volume.affine[:3, 3].tolist(), spacing=list(volume.spacing_mm))
