"""A 3-D image with its place in the world. Geometry never leaves this class and `ModelGrid` (rule 1)."""

# mypy: disallow-untyped-calls=False
# nibabel calls itself typed, but most of its functions carry no annotations.
from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import ImageError
from pseudohealthy.io.files import write_bytes
from pseudohealthy.io.nifti import decode
from pseudohealthy.io.nifti_place import qform_mm

_SAME_PLACE_VOXELS = 0.1  # tools round affines differently; a tenth of a voxel moves no mask


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels and where they lie.

    Attributes:
        data: Voxels (i, j, k).
        affine: Voxel index -> world mm, RAS+ (4, 4).
        qform_code: NIfTI code of the qform; 0 where there is none.
        sform_code: NIfTI code of the sform; 0 where there is none.
        source: The file it was read from, named in errors.
        warnings: Sentences about what was odd in the file and was accepted.
        stored: The geometry fields of the header as read (both matrices, units), written back unchanged.
    """

    data: NDArray[Any]
    affine: NDArray[np.float64]
    qform_code: int = 1
    sform_code: int = 1
    source: Path | None = None
    warnings: tuple[str, ...] = ()
    stored: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.affine.shape != (4, 4):
            raise ValueError(f"a Volume is 3-D with a (4, 4) affine, not {self.data.shape} and {self.affine.shape}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each storage axis."""
        i, j, k = self.data.shape
        return i, j, k

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along each storage axis, mm."""
        x, y, z = (float(mm) for mm in np.linalg.norm(self.affine[:3, :3], axis=0))
        return x, y, z

    @property
    def orientation(self) -> str:
        """Where the storage axes point to, nearest: `RAS` is to the right, to the front, upwards."""
        return "".join(nib.aff2axcodes(self.affine))

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel, ml."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    def like(self, data: NDArray[Any]) -> Volume:
        """Return other voxels in the same place.

        Raises:
            ValueError: The shape differs.
        """
        if data.shape != self.data.shape:
            raise ValueError(f"voxels of shape {data.shape} do not fit a volume of shape {self.data.shape}")
        return replace(self, data=data)

    def canonical(self) -> Volume:
        """Return the same image with its storage axes nearest to R, A, S: axes swapped and flipped, no voxel changed.

        The data is a view. A qform that differs from the affine does not outlive the new storage order.
        """
        axes = nib.io_orientation(self.affine)
        if np.array_equal(axes, [[0, 1], [1, 1], [2, 1]]):
            return self
        affine = self.affine @ nib.orientations.inv_ornt_aff(axes, self.data.shape)
        has_own_qform = self.stored is not None and self.sform_code > 0 and not _qform_is(self.affine, self.stored)
        return replace(
            self,
            data=nib.apply_orientation(self.data, axes),
            affine=affine,
            qform_code=0 if has_own_qform else self.qform_code,
            stored=None,
        )


def _qform_is(affine: NDArray[np.float64], stored: Mapping[str, Any]) -> bool:
    header = nib.Nifti1Header()
    for name, value in stored.items():
        header[name] = value
    qform = qform_mm(header) if int(header["qform_code"]) > 0 else None
    return qform is not None and np.allclose(qform, affine, atol=1e-3)


def read_volume(path: str | Path) -> Volume:
    """Read a scan: a NIfTI file with one 3-D volume (a 4-D file may hold one).

    Returns:
        Voxels as float32 with the header's scaling applied, in storage order.

    Raises:
        ImageError: Anything that makes it no usable scan; the text says what was found, needed and what to do.
    """
    volume = _read(path)
    if volume.data.min() == volume.data.max():
        value = "zero" if volume.data.flat[0] == 0 else f"{volume.data.flat[0]:g}"
        raise ImageError(
            path,
            found=f"{value} in every voxel",
            needed="an image with contrast",
            fix="Export the scan again; this file is empty.",
        )
    return volume


def read_mask(path: str | Path, like: Volume, kind: str) -> Volume:
    """Read a mask on the grid of a scan. It may be empty.

    Args:
        path: A NIfTI file of 0 and 1.
        like: The scan that it belongs to.
        kind: `brain mask` or `lesion mask`, for the error text.

    Returns:
        A Volume of bool with the geometry of `like`.

    Raises:
        ImageError: Another shape or place than `like`, values other than 0 and 1, or no usable file.
    """
    labels = read_labels(path, like, kind, (1,), "Binarise it: 1 where the structure is, 0 elsewhere.")
    return labels.like(labels.data == 1)


def read_labels(path: str | Path, like: Volume, kind: str, allowed: Sequence[int], fix: str) -> Volume:
    """Read a label image on the grid of a scan. It may be empty.

    Args:
        path: A NIfTI file of 0 and some of the allowed labels.
        like: The scan that it belongs to.
        kind: What it is, for the error text.
        allowed: Labels that it may hold besides 0.
        fix: What to do about others.

    Returns:
        A Volume of int32 with the geometry of `like`.

    Raises:
        ImageError: Another shape or place than `like`, other values than those allowed, or no usable file.
    """
    mask = _read(path)
    scan = like.source or "its scan"
    if mask.shape != like.shape:
        raise ImageError(
            path,
            found=f"a {kind} of shape {mask.shape}",
            needed=f"{like.shape}, the shape of {scan}",
            fix="Resample the mask to the scan's grid with nearest-neighbour interpolation.",
        )
    ends = np.array(
        [(i, j, k, 1.0) for i in (0, mask.shape[0]) for j in (0, mask.shape[1]) for k in (0, mask.shape[2])]
    )
    apart_mm = float(np.linalg.norm(ends @ (mask.affine - like.affine).T, axis=1).max())
    if apart_mm > _SAME_PLACE_VOXELS * min(like.spacing_mm):
        raise ImageError(
            path,
            found=f"a {kind} whose affine lies up to {apart_mm:.3g} mm away",
            needed=f"the affine of {scan}",
            fix="Resample the mask to the scan's grid, or copy the scan's header if the voxels do match.",
        )
    labels = np.zeros(mask.shape, np.int32)
    for label in allowed:
        labels[np.isclose(mask.data, label, rtol=0, atol=1e-4)] = label
    odd = mask.data[(labels == 0) & (mask.data != 0)]
    if odd.size:
        values = ", ".join(f"{value:g}" for value in np.unique(odd)[:4])
        raise ImageError(
            path,
            found=f"a {kind} with the values {values}",
            needed=f"{', '.join(map(str, (0, *sorted(allowed)[:-1])))} and {max(allowed)} only",
            fix=fix,
        )
    return replace(like, data=labels, source=Path(path))


def _read(path: str | Path) -> Volume:
    path = Path(path)
    image, affine, warnings = decode(path)
    header = image.header
    stored = {name: np.array(header[name]) for name in _GEOMETRY_FIELDS}
    return Volume(
        data=image.get_fdata(dtype=np.float32).reshape(image.shape[:3]),
        affine=affine,
        qform_code=int(header["qform_code"]),
        sform_code=int(header["sform_code"]),
        source=path,
        warnings=warnings,
        stored=stored,
    )


_GEOMETRY_FIELDS = (
    *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
)


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a volume as NIfTI-1 (gzipped where the name ends in .gz), whole or not at all.

    Masks and uint8 become uint8, floats float32, both without scaling. A volume that was read, and all that is `like`
    it, gets back the geometry fields of its file bit by bit; nothing else of the old header (names, dates) is copied.

    Raises:
        ValueError: NaN or an infinity in the data, or a data type that this project does not write.
        OutputError: The file cannot be written.
    """
    header = nib.Nifti1Header()
    if volume.data.dtype == np.bool_ or volume.data.dtype == np.uint8:
        data = volume.data.astype(np.uint8)
    elif np.issubdtype(volume.data.dtype, np.floating):
        data = volume.data.astype(np.float32)
    else:
        raise ValueError(f"volumes are written from bool, uint8 or floats, not {volume.data.dtype}")
    if not np.isfinite(data).all():
        raise ValueError(f"{path}: NaN or infinite voxels are not written")
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    if volume.stored is None:
        header.set_xyzt_units("mm")
        header.set_zooms(volume.spacing_mm)
        # Without any code the affine would be lost: it is then kept as a scanner-space sform.
        header.set_sform(volume.affine, volume.sform_code or int(volume.qform_code == 0))
        header.set_qform(volume.affine, volume.qform_code)
    else:
        for name, value in volume.stored.items():
            header[name] = value
    content = nib.Nifti1Image(data, None, header).to_bytes()
    if Path(path).suffix == ".gz":
        content = gzip.compress(content, compresslevel=4, mtime=0)  # no time stamp: equal volumes, equal files
    write_bytes(path, content)


def write_volumes(volumes: Iterable[Volume], paths: Iterable[str | Path]) -> None:
    """Write several volumes side by side, each as `write_volume` does: compressing one keeps a single core busy.

    Raises:
        ValueError, OutputError: As there, of the first that fails; the others are written.
    """
    with ThreadPoolExecutor() as threads:
        list(threads.map(write_volume, volumes, paths))
