"""From a file of unknown content to a NIfTI image that is known to be sound."""

# mypy: disallow-untyped-calls=False
# nibabel calls itself typed, but most of its functions carry no annotations.
from __future__ import annotations

import gzip
import logging
import math
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import ImageError
from pseudohealthy.io.nifti_place import place

_HEADERS = {348: (nib.Nifti1Header, nib.Nifti1Image), 540: (nib.Nifti2Header, nib.Nifti2Image)}
_LONGEST_HEADER_BYTES = 544
_FEWEST_VOXELS = 8  # along an axis
_MOST_VOXELS = 1_000_000_000  # a 0.25 mm whole brain has 350 million
_MOST_BYTES_BEHIND = 512  # some writers fill up a block; more, or a whole plane, means that the shape is wrong


def decode(path: Path) -> tuple[Any, NDArray[np.float64], tuple[str, ...]]:
    """Read a file into memory and check everything that a header and its voxels can have wrong.

    Returns:
        A nibabel image of shape (i, j, k) or (i, j, k, 1) with finite real voxels, its affine in mm, and sentences
        about what was odd but harmless.

    Raises:
        ImageError: Missing, empty, not NIfTI, truncated, not one 3-D volume, of RGB or complex voxels, with NaN or
            infinite voxels, or in a place that its header does not tell for certain.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        _refuse(path, found, "a NIfTI file (.nii or .nii.gz)", "Check the path.")
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            if size_bytes == 0:
                _refuse(path, "an empty file", "a NIfTI file", "Copy or export it again.")
            return _decode_stream(path, _unzipped(file))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        _refuse(path, f"a damaged gzip file ({error})", "a whole one", "Copy or download it again.", error)
    except OSError as error:
        _refuse(path, f"that it cannot be read ({error.strerror or error})", "a readable file", "Check it.", error)


def shape_of(path: Path) -> tuple[int, ...]:
    """The shape that a file's header tells; no voxel is read.

    Raises:
        ImageError: No NIfTI header.
        OSError: The file cannot be read, or is a damaged gzip file (then also EOFError or zlib.error).
        HeaderDataError: A header that makes no sense (nibabel).
    """
    with path.open("rb") as file:
        start = _unzipped(file).read(_LONGEST_HEADER_BYTES)
    with _silence():
        shape: tuple[int, ...] = _header_of(start, _kind_of(path, start)).get_data_shape()
    return shape


def _unzipped(file: BinaryIO) -> BinaryIO | gzip.GzipFile:
    zipped = file.read(2) == b"\x1f\x8b"  # the content decides, not the name
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if zipped else file


def _kind_of(path: Path, start: bytes) -> tuple[Any, Any]:
    kinds = [_HEADERS.get(int.from_bytes(start[:4], order)) for order in ("little", "big")]
    kind = kinds[0] or kinds[1]
    if kind is None or not (start[344:347] == b"n+1" or start[4:7] == b"n+2"):
        _refuse(path, "no NIfTI header", "a NIfTI file (.nii or .nii.gz)", "Convert it, for example with dcm2niix.")
    if len(start) < kind[0].sizeof_hdr:
        _refuse(path, f"{len(start)} bytes", f"a header of {kind[0].sizeof_hdr}", "It is truncated: copy it again.")
    return kind


def _header_of(start: bytes, kind: tuple[Any, Any]) -> Any:
    """The header alone: extensions behind it may be longer than what has been read."""
    return kind[0](start[: kind[0].sizeof_hdr], check=False)


def _decode_stream(path: Path, stream: BinaryIO | gzip.GzipFile) -> tuple[Any, NDArray[np.float64], tuple[str, ...]]:
    start = stream.read(_LONGEST_HEADER_BYTES)
    kind = _kind_of(path, start)
    with _silence():
        try:
            raw = _header_of(start, kind)
            _check_header(path, raw)
            wanted = int(raw["vox_offset"]) + math.prod(raw.get_data_shape()) * raw.get_data_dtype().itemsize
            content = start + stream.read(wanted - len(start))
            if len(content) < wanted:
                _refuse(path, f"{len(content)} bytes", f"the {wanted} of its header", "It is truncated: copy it again.")
            behind = 0
            while chunk := stream.read(1 << 20):  # to the end, where gzip keeps its checksum
                behind += len(chunk)
            _check_behind(path, raw, behind)
            image = kind[1].from_bytes(content)
            data = _with_zeros(image.get_fdata(dtype=np.float32), image)
        except (ImageError, OSError, EOFError, zlib.error):
            raise
        except Exception as error:  # nibabel raises many kinds for headers that make no sense
            _refuse(path, f"a header that cannot be used ({error})", "a NIfTI file", "Convert the scan again.", error)
    if not np.isfinite(data).all():
        count = int(data.size - np.isfinite(data).sum())
        _refuse(path, f"NaN or infinity in {count} voxels", "finite numbers", "Replace them by 0 outside the brain.")
    affine, odd = place(path, image.header)
    return image, affine, odd


def _with_zeros(data: NDArray[np.float32], image: Any) -> NDArray[np.float32]:
    """Integers with an intercept cannot hold 0 itself: what is nearest to it is the 0 that was written. In place."""
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    if intercept and image.get_data_dtype().kind in "iu":
        data[np.abs(data) < abs(slope) / 2] = 0.0
    return data


@contextmanager
def _silence() -> Iterator[None]:
    """Nibabel logs what it mends in a header; what matters of it is said by the errors and warnings here."""
    logger = nib.imageglobals.logger
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _check_header(path: Path, raw: Any) -> None:
    shape = raw.get_data_shape()
    if len(shape) == 4 and shape[3] > 1:
        _refuse(path, f"a series of {shape[3]} volumes", "one 3-D volume", "Extract the volume that is wanted.")
    if len(shape) not in (3, 4):
        _refuse(path, f"a {len(shape)}-D image of shape {shape}", "one 3-D volume", "Choose a 3-D scan.")
    if min(shape) < 1 or min(shape[:3]) < _FEWEST_VOXELS:
        _refuse(path, f"shape {shape}", f"at least {_FEWEST_VOXELS} voxels on each axis", "Choose a whole-brain scan.")
    if math.prod(shape) > _MOST_VOXELS:
        _refuse(path, f"shape {shape}", f"at most {_MOST_VOXELS:.0e} voxels", "Crop or resample it.")
    dtype = raw.get_data_dtype()
    if dtype.kind not in "iuf":
        name = "complex" if dtype.kind == "c" else "RGB"
        _refuse(path, f"{name} voxels", "real numbers", "Export the magnitude as a greyscale scan.")
    spacing = [float(mm) for mm in raw["pixdim"][1:4]]
    if not all(0 < mm < math.inf for mm in spacing):
        _refuse(path, f"voxel sizes {spacing}", "sizes in mm above 0", "Convert it again, with its true voxel size.")


def _check_behind(path: Path, raw: Any, behind: int) -> None:
    """Refuse a file that goes on behind its voxels: with a wrong shape they would be read in a wrong order."""
    shape, itemsize = raw.get_data_shape(), raw.get_data_dtype().itemsize
    plane = math.prod(shape) * itemsize // max(shape)
    if behind >= min(_MOST_BYTES_BEHIND, plane):
        found = f"{behind} bytes behind the voxels of its shape {tuple(shape)}"
        _refuse(path, found, "a file that ends with its last voxel", "Its header is wrong: convert the scan again.")


def _refuse(path: Path, found: str, needed: str, fix: str, error: Exception | None = None) -> NoReturn:
    raise ImageError(path, found=" ".join(found.split()), needed=needed, fix=fix) from error
