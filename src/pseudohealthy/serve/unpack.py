"""From an upload of unknown content to a scan in a folder: NIfTI, or DICOM files in a zip. Nothing is trusted.

Names inside an archive are never used; its files are numbered. Packed data is measured while it is unpacked, not by
what its headers say.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

from pseudohealthy.errors import ImageError
from pseudohealthy.io.names import is_nifti
from pseudohealthy.serve.limits import Limits

_CHUNK_BYTES = 1 << 20
_ENCRYPTED = 0x1


def unpack(upload: Path, name: str, folder: Path, limits: Limits) -> Path:
    """Bring an upload into a form that `predict` reads, and delete it.

    Args:
        upload: The file as received.
        name: What the user calls it; the scan gets its name where it is a NIfTI file.
        folder: Empty; everything is written here.
        limits: How much may be unpacked.

    Returns:
        A NIfTI file, or a folder of DICOM files.

    Raises:
        ImageError: Neither NIfTI nor a zip file with one scan, damaged, or beyond a limit. What was written is deleted.
    """
    try:
        with upload.open("rb") as file:
            start = file.read(4)
        if start[:2] == b"\x1f\x8b":
            _measure(upload, name, limits)
            return upload.replace(folder / _scan_name(name, ".nii.gz"))
        if start == b"PK\x03\x04":
            return _unzip(upload, name, folder, limits)
        if int.from_bytes(start, "little") in (348, 540) or int.from_bytes(start, "big") in (348, 540):
            return upload.replace(folder / _scan_name(name, ".nii"))
        _refuse(name, "neither a NIfTI nor a zip file" if start else "an empty file")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        upload.unlink(missing_ok=True)


def _measure(upload: Path, name: str, limits: Limits) -> None:
    unpacked = 0
    try:
        with gzip.open(upload) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                unpacked += len(chunk)
                if unpacked > limits.unpacked_bytes:
                    _refuse_size(name, limits)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        _refuse(name, f"a damaged or truncated gzip file ({error})")


def _unzip(upload: Path, name: str, folder: Path, limits: Limits) -> Path:
    try:
        with zipfile.ZipFile(upload) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > limits.unpacked_files:
                _refuse(name, f"{len(entries)} files in a zip file", f"at most {limits.unpacked_files}")
            for entry in entries:
                _check_entry(entry, name)
            # What a file manager adds to an archive is no scan.
            wanted = [one for one in entries if not one.filename.startswith("__MACOSX/")]
            scans = [one for one in wanted if is_nifti(Path(one.filename))]
            if len(scans) > 1:
                _refuse(name, f"{len(scans)} NIfTI files in a zip file", "one scan")
            room = limits.unpacked_bytes
            if scans:
                target = folder / _scan_name(PurePosixPath(scans[0].filename).name, ".nii.gz")
                with archive.open(scans[0]) as stream:
                    _copy(stream, target, room, name, limits)
                with target.open("rb") as file:
                    packed = file.read(2) == b"\x1f\x8b"
                if packed:
                    _measure(target, name, limits)
                return target
            series = folder / "dicom"
            series.mkdir()
            for number, entry in enumerate(wanted):
                with archive.open(entry) as stream:
                    room -= _copy(stream, series / f"{number:05d}.dcm", room, name, limits)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
        _refuse(name, f"a damaged zip file or one that cannot be unpacked ({error})")
    return series


def _check_entry(entry: zipfile.ZipInfo, name: str) -> None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
        _refuse(name, "a zip file with a name that leads out of it", "plain names")
    if entry.external_attr >> 16 & 0o170000 == 0o120000:
        _refuse(name, "a link in a zip file", "files alone")
    if entry.flag_bits & _ENCRYPTED:
        _refuse(name, "an encrypted zip file", "one without a password")


def _copy(stream: IO[bytes], target: Path, room: int, name: str, limits: Limits) -> int:
    written = 0
    with target.open("wb") as file:
        while chunk := _read(stream, name):
            written += len(chunk)
            if written > room:
                _refuse_size(name, limits)
            file.write(chunk)
    return written


def _read(stream: IO[bytes], name: str) -> bytes:
    try:
        return stream.read(_CHUNK_BYTES)
    except OSError as error:  # what bz2 says of damaged data; an OSError of writing is the disk's
        _refuse(name, f"a damaged zip file ({error})")


def _scan_name(name: str, ending: str) -> str:
    """The user's name where it can be a file's, so that outputs are called as the command line calls them."""
    stem = name.lower().removesuffix(".gz").removesuffix(".nii").removesuffix(".zip")
    stem = name[: len(stem)]
    sound = stem.isascii() and stem[:1].isalnum() and all(letter.isalnum() or letter in "-_." for letter in stem)
    return f"{stem if sound and len(stem) <= 80 else 'scan'}{ending}"


def _refuse_size(name: str, limits: Limits) -> NoReturn:
    most = limits.unpacked_bytes >> 20
    _refuse(name, f"more than {most} MB when unpacked", f"at most {most} MB", "Crop or resample the scan.")


def _refuse(
    name: str,
    found: str,
    needed: str = "a NIfTI file (.nii, .nii.gz), or a zip file with one NIfTI file or the DICOM files of a scan",
    fix: str = "Choose another file, or export it again.",
) -> NoReturn:
    raise ImageError(name, found=" ".join(found.split()), needed=needed, fix=fix)
