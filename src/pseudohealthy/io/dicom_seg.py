"""Masks and scores as DICOM-SEG, frame by frame on the images that they were computed from."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy import __version__
from pseudohealthy.errors import ImageError, require
from pseudohealthy.io.dicom_series import NOWHERE, Series, planes, quiet, read_header
from pseudohealthy.io.files import write_bytes
from pseudohealthy.io.volume import Volume

_SAME_PLACE_VOXELS = 0.1
_SERIES_NUMBER = 9000  # behind those of the scanner
_STEPS = 255  # a fractional SEG has 8 bits
_ASKED_OF_A_PATIENT = (  # DICOM lets these be empty, highdicom wants them to be there
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)


@dataclass(frozen=True, eq=False)
class SourceFrames:
    """The images of a series, and which voxels of a volume each of them shows.

    Attributes:
        headers: One of each instance, without voxels.
        size: Rows and columns of a frame.
        start: (frame, 3), the voxel of its first pixel.
        along: (frame, 3), from a row to the next, in voxels.
        across: (frame, 3), from a column to the next, in voxels.
        spacing_mm: Distance of rows, of columns, of slices.
    """

    headers: tuple[Any, ...]
    size: tuple[int, int]
    start: NDArray[np.intp]
    along: NDArray[np.intp]
    across: NDArray[np.intp]
    spacing_mm: tuple[float, float, float]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows, columns."""
        return (len(self.start), *self.size)

    def voxels(self, frame: int) -> tuple[NDArray[np.intp], ...]:
        """Indices i, j, k of a frame's pixels, each (row, column)."""
        row, column = np.ogrid[: self.size[0], : self.size[1]]
        return tuple(
            self.start[frame, x] + row * self.along[frame, x] + column * self.across[frame, x] for x in range(3)
        )

    def of(self, volume: Volume) -> NDArray[Any]:
        """The volume's voxels, (frame, row, column)."""
        return np.stack([volume.data[self.voxels(frame)] for frame in range(len(self.start))])


def source_frames(series: Series, volume: Volume) -> SourceFrames:
    """Find each frame of a series in the volume that was converted from it.

    Raises:
        ImageError: The volume's voxels are not the series' own, or its header is none that a SEG can refer to.
    """
    headers = [header for header in map(read_header, series.files) if header is not None]
    for header in headers:
        for keyword in _ASKED_OF_A_PATIENT:
            if keyword not in header:
                setattr(header, keyword, "")
    if not headers[0].get("FrameOfReferenceUID") or not headers[0].get("StudyInstanceUID"):
        raise _unfit(series, "no study or no frame of reference", "both, for a DICOM-SEG that refers to the series")
    try:
        places = np.concatenate([planes(header) for header in headers])
        rows, columns = int(headers[0].Rows), int(headers[0].Columns)
    except NOWHERE:
        raise _unfit(series, "an image without size or place", "both of them in each image") from None
    corners = np.array([(0, 0, 0, 1), (0, rows - 1, 0, 1), (columns - 1, 0, 0, 1), (columns - 1, rows - 1, 0, 1)])
    exact = (np.linalg.inv(volume.affine) @ places @ corners.T)[:, :3]  # (frame, 3, corner), voxels
    nearest = np.rint(exact).astype(np.intp)
    start, last_row, last_column, _ = np.moveaxis(nearest, 2, 0)
    column_mm, row_mm = (float(mm) for mm in np.linalg.norm(places[0, :3, :2], axis=0))
    frames = SourceFrames(
        headers=tuple(headers),
        size=(rows, columns),
        start=start,
        along=(last_row - start) // max(rows - 1, 1),
        across=(last_column - start) // max(columns - 1, 1),
        spacing_mm=(row_mm, column_mm, _slice_mm(volume, places[0])),
    )
    if np.abs(exact - nearest).max() > _SAME_PLACE_VOXELS or not _is_every_voxel_once(frames, volume.shape):
        raise _unfit(
            series,
            "images that are not the voxels of the converted scan one by one",
            "parallel images at equal distances, one at each place",
        )
    with quiet():
        try:  # before a network has worked for minutes
            _segmentation(frames, "BINARY", np.zeros(frames.shape, np.uint8), "1.2.3", 1, {})
        except Exception as error:  # highdicom raises many kinds for headers that break the standard
            kind = type(error).__name__  # its text quotes the header
            raise _unfit(
                series, f"a header that breaks the standard ({kind})", "valid patient, study and image attributes"
            ) from None
    return frames


def _unfit(series: Series, found: str, needed: str) -> ImageError:
    fix = "Leave --dicom-seg out: the NIfTI files hold the same maps; or mend the header."
    return ImageError(f"DICOM series {series}", found=found, needed=needed, fix=fix)


def _is_every_voxel_once(frames: SourceFrames, shape: tuple[int, int, int]) -> bool:
    if np.prod(frames.shape) != np.prod(shape):
        return False
    seen = np.zeros(shape, np.bool_)
    for frame in range(frames.shape[0]):
        voxels = frames.voxels(frame)
        if any(index.min() < 0 or index.max() >= size for index, size in zip(voxels, shape, strict=True)):
            return False
        seen[voxels] = True
    return bool(seen.all())


def _slice_mm(volume: Volume, plane: NDArray[np.float64]) -> float:
    through = int(np.abs(plane[:3, 2] @ volume.affine[:3, :3] / volume.spacing_mm).argmax())
    return volume.spacing_mm[through]


def write_dicom_seg(
    frames: SourceFrames, mask: Volume, score: Volume, paths: tuple[Path, Path], facts: Mapping[str, str]
) -> None:
    """Write a mask as a binary and a score as a fractional SEG, two instances of one new series of the same study.

    By the standard they carry the patient and study of their source. Frames without a voxel above 0 are left out.

    Args:
        frames: From `source_frames`.
        mask: Bool, on the source's grid.
        score: In [0, 1]; stored in steps of 1/255.
        paths: Of the mask and of the score.
        facts: What made them, told as parameters of the algorithm: names and values, no patient's.

    Raises:
        MissingExtraError: The extra [dicom] is not installed.
        OutputError: A file cannot be written.
    """
    series_uid = str(require("highdicom", "dicom").UID())
    maps: dict[str, NDArray[Any]] = {
        "BINARY": frames.of(mask).astype(np.uint8),
        "FRACTIONAL": frames.of(score).astype(np.float32),
    }
    with quiet():
        for number, (path, (kind, pixels)) in enumerate(zip(paths, maps.items(), strict=True), 1):
            content = io.BytesIO()
            _segmentation(frames, kind, pixels, series_uid, number, facts).save_as(content)
            write_bytes(path, content.getvalue())


def _segmentation(
    frames: SourceFrames, kind: str, pixels: NDArray[Any], series_uid: str, number: int, facts: Mapping[str, str]
) -> Any:
    highdicom = require("highdicom", "dicom")
    codes = require("pydicom.sr.codedict", "dicom").codes
    row_mm, column_mm, slice_mm = frames.spacing_mm
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="pseudohealthy",
        version=__version__,
        family=codes.cid7162.ArtificialIntelligence,
        parameters={name: str(value) for name, value in facts.items()},
    )
    segment = highdicom.seg.SegmentDescription(
        segment_number=1,
        segment_label="Anomaly" if kind == "BINARY" else "Anomaly score",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
        anatomic_regions=[codes.SCT.Brain],
    )
    return highdicom.seg.Segmentation(
        source_images=list(frames.headers),
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[segment],
        series_instance_uid=series_uid,
        series_number=_SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=number,
        manufacturer="pseudohealthy",
        manufacturer_model_name="pseudohealthy",
        software_versions=__version__,
        device_serial_number="none",
        max_fractional_value=_STEPS,
        pixel_measures=highdicom.PixelMeasuresSequence([row_mm, column_mm], slice_mm, slice_mm),
        content_label="ANOMALY",
        content_description="Not for diagnosis: anomalies found by research software",
        series_description="Anomalies (research software, not for diagnosis)",
    )
