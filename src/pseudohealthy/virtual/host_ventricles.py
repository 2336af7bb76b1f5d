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
NECK_MM = 1.5  # CSF that hangs on by a thinner neck is a cistern or a sulcus


def ventricles(labels: Volume, mni_from_world: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the lateral and third ventricles (i, j, k).

    CSF within `REACH_MM` of the template's ventricles, cut off from the cisterns by an opening, of which the pieces
    that lie in the template's ventricles for a good part are kept. The choroid plexus, which is no CSF, is filled in.

    Args:
        labels: Tissue labels.
        mni_from_world: Scan's world mm -> MNI152 mm (4, 4).
    """
    spacing = np.array(labels.spacing_mm)
    there = _template_ventricles(labels, mni_from_world)
    box = support(there, np.ceil(REACH_MM / spacing))
    found = np.zeros(labels.shape, bool)
    found[box] = _piece(labels.data[box] == CSF, there[box], spacing)
    return found


def _piece(csf: NDArray[np.bool_], there: NDArray[np.bool_], spacing: NDArray[np.float64]) -> NDArray[np.bool_]:
    near = ndimage.distance_transform_edt(~there, sampling=spacing) <= REACH_MM
    fluid = csf & near
    pieces, n = ndimage.label(ndimage.distance_transform_edt(fluid, sampling=spacing) > NECK_MM)
    sizes, common = (np.bincount(part, minlength=n + 1) for part in (pieces.ravel(), pieces[there]))
    chosen = common >= np.maximum(0.15 * sizes, 1)
    chosen[0] = False
    away_mm = ndimage.distance_transform_edt(~chosen[pieces], sampling=spacing)
    grown = fluid & (away_mm <= NECK_MM + 0.6)
    return np.asarray(ndimage.binary_closing(grown, iterations=2) | grown)


def _template_ventricles(labels: Volume, mni_from_world: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the template's ventricles lie in the scan (i, j, k)."""
    maps = atlas().maps
    template = maps.values[3].numpy()
    step = (np.array(maps.high_mm) - np.array(maps.low_mm)) / (np.array(template.shape) - 1)
    mni_from_template = np.diag([*step, 1.0])
    mni_from_template[:3, 3] = maps.low_mm
    matrix = np.linalg.inv(mni_from_template) @ mni_from_world @ labels.affine
    box = image_of(support(template > 0.5, 2), np.linalg.inv(matrix), labels.shape, 2)
    there = np.zeros(labels.shape, bool)
    offset = matrix[:3, :3] @ start(box) + matrix[:3, 3]
    there[box] = ndimage.affine_transform(template, matrix[:3, :3], offset, output_shape=size(box), order=1) > 0.5
    return there
