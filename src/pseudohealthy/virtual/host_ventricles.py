"""The ventricles of a real brain: the piece of its CSF that lies where the template has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.regions import image_of, size, start, support
from pseudohealthy.virtual.atlas import atlas
from pseudohealthy.virtual.host_files import CSF

REACH_MM = 13.0  # how far beyond the template's ventricles enlarged ones may reach
RIVAL_MM = 3.0  # by how much CSF of the ventricles may be further from the template's than from its cisterns
NECK_MM = 1.0  # CSF that hangs on by a thinner neck is a cistern or a sulcus
LEAST_COMMON = 0.15  # of a piece that lies in the template's ventricles


def ventricles(labels: Volume, mni_from_world: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the lateral and third ventricles (i, j, k).

    CSF near the template's ventricles and not much nearer to its cisterns, cut off from what hangs on by a thin neck;
    of this, the pieces that lie in the template's ventricles for a good part.

    Args:
        labels: Tissue labels.
        mni_from_world: Scan's world mm -> MNI152 mm (4, 4).
    """
    spacing = np.array(labels.spacing_mm)
    maps = atlas().maps
    fluid, hollow = maps.values[2].numpy(), maps.values[3].numpy()
    there = _in_scan(hollow, labels, mni_from_world)
    cisterns = _in_scan((fluid - hollow) * atlas().brain.values[0].numpy(), labels, mni_from_world)
    box = support(there, np.ceil(REACH_MM / spacing))
    found = np.zeros(labels.shape, bool)
    found[box] = _piece(labels.data[box] == CSF, there[box], cisterns[box], spacing)
    return found


def _piece(
    csf: NDArray[np.bool_], there: NDArray[np.bool_], cisterns: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> NDArray[np.bool_]:
    away_mm, rival_mm = (ndimage.distance_transform_edt(~part, sampling=spacing) for part in (there, cisterns))
    fluid = csf & (away_mm <= np.minimum(REACH_MM, rival_mm + RIVAL_MM))
    pieces, n = ndimage.label(ndimage.distance_transform_edt(fluid, sampling=spacing) > NECK_MM)
    sizes, common = (np.bincount(part, minlength=n + 1) for part in (pieces.ravel(), pieces[there]))
    chosen = common >= np.maximum(LEAST_COMMON * sizes, 1)
    chosen[0] = False
    grown = fluid & (ndimage.distance_transform_edt(~chosen[pieces], sampling=spacing) <= NECK_MM + 0.6)
    return np.asarray(ndimage.binary_closing(grown) | grown)


def _in_scan(template: NDArray[np.float32], labels: Volume, mni_from_world: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where a map of the atlas is above one half, in the scan (i, j, k), near the template's ventricles."""
    maps = atlas().maps
    step = (np.array(maps.high_mm) - np.array(maps.low_mm)) / (np.array(template.shape) - 1)
    mni_from_template = np.diag([*step, 1.0])
    mni_from_template[:3, 3] = maps.low_mm
    matrix = np.linalg.inv(mni_from_template) @ mni_from_world @ labels.affine
    near = support(maps.values[3].numpy() > 0.5, np.ceil(2 * REACH_MM / step))
    box = image_of(near, np.linalg.inv(matrix), labels.shape, 0)
    there = np.zeros(labels.shape, bool)
    offset = matrix[:3, :3] @ start(box) + matrix[:3, 3]
    there[box] = ndimage.affine_transform(template, matrix[:3, :3], offset, output_shape=size(box), order=1) > 0.5
    return there
