"""What there is in a scan, and what is odd about it: facts that a person can check, nothing decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_mask import brain_mask, is_stripped
from pseudohealthy.prepare.intensity import fit_scale

_THICK_MM = 3.0  # a small lesion is lost in thicker slices
_FINE_MM = 0.4
_FIELD_MM = 320.0  # heads are shorter: a larger field comes with slices whose distance is not known
_SHEARED = 0.02  # cosine of the angle between two axes
_CUT_CM2 = 25.0  # of brain on a face of the field; the cut through the brain stem, which any scan may have, is smaller
_FEW_VALUES = 32  # fewer are those of a label map
_SAMPLE_VOXELS = 200_000
_FACES = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))


@dataclass(frozen=True)
class ScanFacts:
    """What is there.

    Attributes:
        shape: Voxels along the storage axes.
        spacing_mm: Of the voxels along them.
        orientation: Where they point to, such as `RAS`.
        low: 1st percentile of the values inside the brain, of a whole head of those that are not 0.
        high: 99th percentile.
        brain_ml: Volume of the brain; None where the scan is a whole head without a mask.
        remarks: Sentences about what is odd.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: str
    low: float
    high: float
    brain_ml: float | None
    remarks: tuple[str, ...]


def scan_facts(image: Volume, mask: Volume | None = None) -> ScanFacts:
    """Look at a scan.

    Args:
        image: The scan, as read.
        mask: Its brain mask, where there is one.

    Raises:
        ImageError: What is left of a stripped scan, or the mask, is no brain, or it has no contrast.
    """
    remarks = [*image.warnings, *_geometry(image)]
    if mask is None and not is_stripped(image):
        values, brain_ml = image.data[image.data != 0], None
        remarks.append("A whole head without a brain mask: 'pseudohealthy prepare' finds the brain.")
    else:
        brain = brain_mask(image, mask)
        fit_scale(image, brain)
        values, brain_ml = image.data[brain.data], float(brain.data.sum()) * image.voxel_ml
        remarks += _cut(brain)
    some = values[:: max(values.size // _SAMPLE_VOXELS, 1)]
    different = np.unique(some).size
    if different <= _FEW_VALUES:
        remarks.append(f"Only {different} different values: is this a label map?")
    low, high = (float(value) for value in np.percentile(some, (1, 99)))
    return ScanFacts(image.shape, image.spacing_mm, image.orientation, low, high, brain_ml, tuple(remarks))


def _geometry(image: Volume) -> list[str]:
    found = []
    spacing = image.spacing_mm
    if max(spacing) > _THICK_MM:
        found.append(f"Slices of {max(spacing):.3g} mm: small lesions are averaged away, registration is less certain.")
    if min(spacing) < _FINE_MM:
        found.append(f"Voxels of {min(spacing):.3g} mm: is that the true size?")
    field_mm = max(n * mm for n, mm in zip(image.shape, spacing, strict=True))
    if field_mm > _FIELD_MM:
        found.append(f"A field of view of {field_mm:.0f} mm: are the voxel sizes true?")
    axes = image.affine[:3, :3] / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > _SHEARED:
        found.append("The voxel axes are not at right angles: was the gantry tilted, or a registration written here?")
    return found


def _cut(brain: Volume) -> list[str]:
    """Faces of the field of view through which the brain goes on."""
    upright = brain.canonical()
    found = []
    for axis, names in enumerate(_FACES):
        cm2 = np.prod([mm for other, mm in enumerate(upright.spacing_mm) if other != axis]) / 100
        for face, name in zip((0, -1), names, strict=True):
            area = float(upright.data.take(face, axis).sum() * cm2)
            if area > _CUT_CM2:
                found.append(f"The field of view ends within the brain ({name}, {area:.0f} cm2).")
    return found
