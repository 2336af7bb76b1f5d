"""The series of a DICOM folder: which there are, what may be told about them, and which one is meant."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import CohortError, ImageError, require

_LPS = np.diag([-1.0, -1.0, 1.0])  # DICOM's patient axes -> the world's RAS+, and back
_PLANES = ("sagittal", "coronal", "axial")  # by the axis of the normal
_MOST_LISTED = 20
NOWHERE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading a place raises where a header has none."""

_TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "Rows", "Columns"),
    *("NumberOfFrames", "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)


@dataclass(frozen=True)
class Series:
    """One series: its files, and what identifies nobody.

    Attributes:
        uid: Series Instance UID. It often holds a date, so it is told to nobody: `name` stands for it.
        number: Series number, or None.
        modality: `MR`, `CT`, `SEG`, ...
        files: One file an instance, each instance once.
        images: Frames.
        plane: `axial`, `coronal` or `sagittal`, whichever is nearest; "" where there is no place.
        spacing_mm: Distance of columns, rows and slices; None where there is no place.
    """

    uid: str
    number: int | None
    modality: str
    files: tuple[Path, ...]
    images: int
    plane: str
    spacing_mm: tuple[float, float, float] | None

    @property
    def name(self) -> str:
        """`series-` and the first 8 hexadecimal digits of the UID's SHA-256: always the same, and not the UID."""
        return f"series-{hashlib.sha256(self.uid.encode()).hexdigest()[:8]}"

    def __str__(self) -> str:
        number = "without a number" if self.number is None else f"number {self.number}"
        spacing = " x ".join(f"{mm:.2f}" for mm in self.spacing_mm) + " mm" if self.spacing_mm else ""
        facts = (self.modality, f"{self.images} images", self.plane, spacing)
        return f"{number} ({self.name}): {', '.join(fact for fact in facts if fact)}"


def is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM by its content: `DICM` behind a preamble of 128 bytes."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def find_series(files: Iterable[Path]) -> list[Series]:
    """Read the headers of files and sort those that are DICOM into series, by number.

    Raises:
        ImageError: A file is damaged: without it the series may lack a slice.
        MissingExtraError: pydicom is not installed.
    """
    by_uid: dict[str, dict[str, tuple[Path, Any]]] = defaultdict(dict)
    for file in sorted(file for file in files if file.is_file() and is_dicom(file)):
        header = read_header(file, _TAGS)
        if header is not None:
            # A second copy of an instance would become a second slice at the same place.
            by_uid[str(header.SeriesInstanceUID)].setdefault(str(header.SOPInstanceUID), (file, header))
    found = [_series(uid, list(instances.values())) for uid, instances in by_uid.items()]
    return sorted(found, key=lambda series: (series.number is None, series.number or 0, series.name))


def _series(uid: str, instances: Sequence[tuple[Path, Any]]) -> Series:
    first = instances[0][1]
    number = first.get("SeriesNumber")
    try:
        places = np.array([place for _, header in instances for place in planes(header)])
        plane, spacing_mm = _PLANES[int(np.abs(places[0, :3, 2]).argmax())], _spacing_mm(places)
    except NOWHERE:
        plane, spacing_mm = "", None
    return Series(
        uid=uid,
        number=None if number in (None, "") else int(number),
        modality=str(first.get("Modality") or "no modality"),
        files=tuple(file for file, _ in instances),
        images=sum(int(header.get("NumberOfFrames") or 1) for _, header in instances if "Rows" in header),
        plane=plane,
        spacing_mm=spacing_mm,
    )


def planes(header: Any) -> NDArray[np.float64]:
    """Where the frames of an instance lie, single-frame or enhanced.

    Returns:
        (frame, 4, 4), (column, row, mm along the normal, 1) -> world mm, RAS+.

    Raises:
        Exception: One of `NOWHERE`.
    """
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if frames is None:
        return _plane(header, header, header)[None]
    shared = header.get("SharedFunctionalGroupsSequence") or [{}]

    def group(frame: Any, name: str) -> Any:
        return (frame if name in frame else shared[0])[name][0]

    parts = ("PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence")
    return np.array([_plane(*(group(frame, part) for part in parts)) for frame in frames])


def _plane(measures: Any, orientation: Any, position: Any) -> NDArray[np.float64]:
    row_mm, column_mm = (float(mm) for mm in measures.PixelSpacing)
    along = np.array([float(value) for value in orientation.ImageOrientationPatient]).reshape(2, 3).T
    plane = np.eye(4)
    plane[:3, :2] = along * [column_mm, row_mm]
    plane[:3, 2] = np.cross(*along.T)
    plane[:3, 3] = [float(value) for value in position.ImagePositionPatient]
    plane[:3] = _LPS @ plane[:3]
    return plane


def _spacing_mm(places: NDArray[np.float64]) -> tuple[float, float, float]:
    heights = np.unique(np.round(places[:, :3, 3] @ places[0, :3, 2], 3))
    columns, rows = np.linalg.norm(places[0, :3, :2], axis=0)
    return float(columns), float(rows), float(np.median(np.diff(heights))) if heights.size > 1 else 0.0


def choose_series(found: Sequence[Series], wanted: str | None, place: Path) -> Series:
    """The series of MR images that is meant.

    Args:
        found: What there is.
        wanted: A number, a UID, or a name such as `series-1a2b3c4d`; None where there is only one.
        place: The folder, named in errors.

    Raises:
        ImageError: There are no MR images.
        CohortError: There are several and none is named, or none is of that name, or several are.
    """
    usable = [series for series in found if series.modality == "MR" and series.images]
    if not usable:
        others = Counter(series.modality for series in found)
        listed = ", ".join(f"{count} of {modality}" for modality, count in others.items())
        raise ImageError(
            place,
            found=f"DICOM without MR images (series: {listed or 'none'})",
            needed="one T1-weighted MR series",
            fix="Check the folder.",
        )
    chosen = [series for series in usable if wanted in (None, str(series.number), series.uid, series.name)]
    if len(chosen) == 1:
        return chosen[0]
    listed = "; ".join(str(series) for series in (chosen or usable)[:_MOST_LISTED])
    more = f"; and {len(usable) - _MOST_LISTED} more" if len(chosen or usable) > _MOST_LISTED else ""
    named = "" if wanted is None else f" of the name {wanted}; there are" if not chosen else f" of the name {wanted}"
    raise CohortError(
        place,
        found=f"{len(chosen) or 'no'} series of MR images{named}: {listed}{more}",
        needed="one series, T1-weighted",
        fix=f"Name it by its number, or where numbers repeat by its name: --series {usable[0].name}",
    )


def read_header(file: Path, tags: Sequence[str] | None = None) -> Any | None:
    """Read a file's header without its voxels; None for a DICOMDIR, which lists files and is no image.

    Raises:
        ImageError: It is damaged. The file is not named: its name may be the patient's.
    """
    pydicom = require("pydicom", "dicom")
    with quiet():
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=None if tags is None else [*tags])
            if header.file_meta.MediaStorageSOPClassUID == pydicom.uid.MediaStorageDirectoryStorage:
                return None
            if header.SOPInstanceUID and header.SeriesInstanceUID:
                return header
        except Exception:  # pydicom raises many kinds for files that are cut off or make no sense
            pass
    raise ImageError(
        "a DICOM folder",
        found="a file whose header is damaged",
        needed="whole files, for a series without one of its slices is another scan",
        fix="Copy the folder again from the scanner or archive.",
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom and highdicom from speaking: what they say quotes the header, and so names and dates."""
    config = require("pydicom", "dicom").config
    before = config.settings.reading_validation_mode
    loggers = {name: logging.getLogger(name).level for name in ("pydicom", "highdicom")}
    config.settings.reading_validation_mode = config.IGNORE
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode = before
        for name, level in loggers.items():
            logging.getLogger(name).setLevel(level)
