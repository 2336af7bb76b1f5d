"""Where a NIfTI header says that its voxels lie: one answer in mm, or a refusal where it contradicts itself."""

# mypy: disallow-untyped-calls=False
# nibabel calls itself typed, but most of its functions carry no annotations.
from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import ImageError

MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # NIfTI's codes: unknown (mm in practice), metre, mm, micron
_UNITS = 0b111  # the bits of `xyzt_units` that tell of space
_SPACING_MM = (0.01, 50.0)  # of a voxel; beyond it the units are wrong
_SAME_SIZE = 0.1  # relative difference of the two voxel sizes that a header holds
_MOST_TURNED_DEG = 45.0  # from there on the axes of qform and sform have other names
_SCANNER_CODES = (1, 2)  # places in the scanner's mm; 3 and above are templates', which may be scaled
_FIX = "Convert it again, or set the qform and sform from the scanner's."
_UNKNOWN_PLACE = (
    "The file has neither qform nor sform: left and right are assumed as ANALYZE stored them (radiological)."
)


def place(path: Path, header: Any) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Find the affine of a header, as NIfTI defines it: the sform, else the qform, else the voxel sizes.

    Args:
        path: The file, named in errors.
        header: A nibabel header of NIfTI-1 or -2.

    Returns:
        Voxel index -> world mm, RAS+ (4, 4), and sentences about what was odd and was accepted.

    Raises:
        ImageError: Units that NIfTI does not know, voxels of impossible size, a singular affine, a sform with other
            voxel sizes than the header's, qform and sform that are mirror images or turned against each other.
    """
    code = int(header["xyzt_units"]) & _UNITS
    if code not in MM_PER_UNIT:
        _refuse(
            path, f"the unknown code {code} for the unit of length", "mm", "Set the header's units, and sizes, to mm."
        )
    affine = np.array(header.get_best_affine(), dtype=np.float64)
    affine[:3] *= MM_PER_UNIT[code]
    lengths = _check_axes(path, affine)
    sizes = np.array([float(size) for size in header["pixdim"][1:4]]) * MM_PER_UNIT[code]
    if not all(_SPACING_MM[0] <= mm <= _SPACING_MM[1] for mm in (*sizes, *lengths)):
        found = f"voxels of {_text(sizes)} mm" + (
            f", by the sform {_text(lengths)} mm" if _apart(sizes, lengths) else ""
        )
        _refuse(
            path, found, f"{_SPACING_MM[0]:g} to {_SPACING_MM[1]:g} mm", "Check the header's units and voxel sizes."
        )
    qform_code, sform_code = int(header["qform_code"]), int(header["sform_code"])
    if sform_code <= 0:
        return affine, () if qform_code > 0 else (_UNKNOWN_PLACE,)
    odd = []
    if _apart(sizes, lengths):
        if sform_code in _SCANNER_CODES:
            found = f"voxel sizes {_text(sizes)} mm beside a sform of {_text(lengths)} mm"
            _refuse(path, found, "one size of its voxels", _FIX)
        odd.append(f"The sform, a template's, makes voxels of {_text(sizes)} mm {_text(lengths)} mm large.")
    if qform_code > 0:
        odd += _compare(path, affine, qform_mm(header), qform_code == sform_code)
    return affine, tuple(odd)


def qform_mm(header: Any) -> NDArray[np.float64] | None:
    """The qform of a header, whatever its code (4, 4), in mm; None where its numbers are no rotation."""
    try:
        qform = np.array(header.get_qform(), dtype=np.float64)
    except (ValueError, np.linalg.LinAlgError):
        return None
    qform[:3] *= MM_PER_UNIT.get(int(header["xyzt_units"]) & _UNITS, 1.0)
    return qform if np.isfinite(qform).all() else None


def _check_axes(path: Path, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    # The determinant of the unit axes is the volume that they span: 1 for a right angle, 0 for a plane.
    if not np.isfinite(affine).all() or lengths.min() < 1e-6 or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-2:
        _refuse(path, "a singular or non-finite affine", "three independent axes in mm", _FIX)
    return np.asarray(lengths)


def _compare(
    path: Path, sform: NDArray[np.float64], qform: NDArray[np.float64] | None, same_space: bool
) -> tuple[str, ...]:
    """Refuse what changes which side is left; tell what moves the scan."""
    if qform is None:
        return ("The qform cannot be used; the sform is.",)
    one, other = (_rotation(matrix) for matrix in (sform, qform))
    if np.linalg.det(one) * np.linalg.det(other) < 0:
        _refuse(path, "a qform that is the mirror image of the sform", "one answer to which side is left", _FIX)
    turned_deg = math.degrees(math.acos(float(np.clip((np.trace(one @ other.T) - 1) / 2, -1, 1))))
    if turned_deg > _MOST_TURNED_DEG:
        _refuse(path, f"a qform turned by {turned_deg:.0f} degrees against the sform", "one orientation", _FIX)
    moved_mm = float(np.linalg.norm((sform - qform)[:3, 3]))
    if same_space and (turned_deg > 1.0 or moved_mm > 1.0):
        return (
            f"qform and sform claim the same space, but lie {moved_mm:.3g} mm and {turned_deg:.2g} degrees apart: the "
            "sform is used.",
        )
    return ()


def _rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The orthogonal matrix nearest to the axes: zooms and shears leave it alone."""
    left, _, right = np.linalg.svd(matrix[:3, :3])
    return np.asarray(left @ right)


def _apart(sizes: NDArray[np.float64], lengths: NDArray[np.float64]) -> bool:
    return bool((np.abs(lengths / sizes - 1) > _SAME_SIZE).any())


def _text(sizes: NDArray[np.float64]) -> str:
    return " x ".join(f"{mm:.4g}" for mm in sizes)


def _refuse(path: Path, found: str, needed: str, fix: str) -> NoReturn:
    raise ImageError(path, found=found, needed=needed, fix=fix)
