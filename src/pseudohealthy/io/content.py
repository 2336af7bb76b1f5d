"""A key of what a scan holds, so that a copy is known again: not of its file, which compression and headers change."""

# mypy: disallow-untyped-calls=False
# nibabel calls itself typed, but most of its functions carry no annotations.
from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from pseudohealthy.errors import ImageError
from pseudohealthy.io.nifti import decode, shape_of
from pseudohealthy.io.volume import Volume, read_volume

# Odd 64-bit constants of splitmix64 (Steele et al. 2014): two mixings of each value make a key of 128 bits.
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_CHUNK = 1 << 20


def content_key(volume: Volume) -> str:
    """Return a key of the values of a scan that are not 0: 32 hexadecimal digits.

    Each value is hashed and the hashes are added up. So the key is the same in another file format, data type,
    compression or header, in another storage order, mirrored, and with more or less background of 0.
    """
    values = np.ascontiguousarray(volume.data, np.float32).ravel()
    totals = [0, 0]
    for start in range(0, values.size, _CHUNK):
        chunk = values[start : start + _CHUNK]
        bits = chunk[chunk != 0].view(np.uint32).astype(np.uint64)
        totals = [
            (total + int(_mixed(bits, constant).sum(dtype=np.uint64))) % (1 << 64)
            for total, constant in zip(totals, _MIX, strict=True)
        ]
    return f"{totals[0]:016x}{totals[1]:016x}"


def _mixed(bits: NDArray[np.uint64], constant: int) -> NDArray[np.uint64]:
    mixed = (bits + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(constant)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(32)
    return mixed


def file_key(path: Path) -> str:
    """Return the key of a file, "" where it is no usable scan; what has been read once is not read again."""
    state = path.stat()
    return _file_key(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _file_key(path: Path, size_bytes: int, changed_ns: int) -> str:
    try:
        return content_key(read_volume(path))
    except ImageError:  # whoever uses the scan will say so
        return ""


def grid_of(path: Path) -> tuple[int, ...] | None:
    """Return the voxels along the axes of a file, fewest first, from its header alone; None where it has none."""
    try:
        return tuple(sorted(shape_of(path)[:3]))
    except (OSError, EOFError, ValueError, zlib.error, HeaderDataError):  # ValueError: ImageError is one, too
        return None


def label_volumes_ml(path: Path, most: int = 12) -> dict[str, float]:
    """Return the values of a mask or label map that are not 0, the largest `most`, with the volume of each in ml.

    Raises:
        ImageError: No usable file.
    """
    image, affine, _ = decode(path)
    values, counts = np.unique(image.get_fdata(dtype=np.float32), return_counts=True)
    voxel_ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000.0
    found = sorted(zip(-counts, values, strict=True))
    return {
        f"{value:g}": round(-float(count) * voxel_ml, 3)
        for count, value in [item for item in found if item[1] != 0][:most]
    }
