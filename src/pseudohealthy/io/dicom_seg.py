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
from pseudohealthy.io.dicom_series import Series, planes, quiet, read_header
from pseudohealthy.io.files import write_bytes
from pseudohealthy.io.volume import Volume

_SAME_PLACE_VOXELS = 0.1
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
        voxels: (3, frame, row, column), indices into the volume.
        spacing_mm: Distance of rows, of columns, of slices.
    """

    headers: tuple[Any, ...]
    voxels: NDArray[np.intp]
    spacing_mm: tuple[float, float, float]

    def of(self, volume: Volume) -> NDArray[Any]:
        """The volume's voxels, (frame, row, column)."""
        return np.asarray(volume.data[tuple(self.voxels)])


def source_frames(series: Series, volume: Volume) -> SourceFrames:
    """Find each frame of a series in the volume that was converted from it.

    Raises:
        ImageError: The volume's voxels are not the series' own, or the series lacks what a SEG refers to.
    """
    headers = [header for header in map(read_header, series.files) if header is not None]
    first = headers[0]
    if not first.get("FrameOfReferenceUID") or not first.get("StudyInstanceUID"):
        raise ImageError(
            f"DICOM series {series}",
            found="no study or no frame of reference",
            needed="both, for a DICOM-SEG that refers to the series",
            fix="Leave --dicom-seg out, or export the series again without removing its UIDs.",
        )
    for header in headers:
        for keyword in _ASKED_OF_A_PATIENT:
            if keyword not in header:
                setattr(header, keyword, "")
    places = np.concatenate([planes(header) for header in headers])
    rows, columns = int(first.Rows), int(first.Columns)
    to_voxels = np.linalg.inv(volume.affine) @ places  # (frame, 4, 4)
    corners = np.array([(0, 0, 0, 1), (columns - 1, 0, 0, 1), (0, rows - 1, 0, 1), (columns - 1, rows - 1, 0, 1)])
    exact = (to_voxels @ corners.T)[:, :3]  # (frame, 3, corner)
    nearest = np.rint(exact).astype(np.intp)
    start, right, down = nearest[..., 0], nearest[..., 1], nearest[..., 2]
    across, along = (right - start) // max(columns - 1, 1), (down - start) // max(rows - 1, 1)
    voxels = (
        start[:, :, None, None]
        + across[:, :, None, None] * np.arange(columns)
        + along[:, :, None, None] * np.arange(rows)[:, None]
    ).transpose(1, 0, 2, 3)
    if np.abs(exact - nearest).max() > _SAME_PLACE_VOXELS or not _is_every_voxel_once(voxels, volume.shape):
        raise ImageError(
            f"DICOM series {series}",
            found="images that are not the voxels of the converted scan one by one",
            needed="parallel images at equal distances, one at each place",
            fix="Leave --dicom-seg out; the NIfTI files hold the same maps.",
        )
    column_mm, row_mm = np.linalg.norm(places[0, :3, :2], axis=0)
    return SourceFrames(tuple(headers), voxels, (float(row_mm), float(column_mm), _slice_mm(volume, places[0])))


def _is_every_voxel_once(voxels: NDArray[np.intp], shape: tuple[int, int, int]) -> bool:
    if voxels[0].size != np.prod(shape) or voxels.min() < 0 or (voxels.max(axis=(1, 2, 3)) >= shape).any():
        return False
    seen = np.zeros(shape, np.bool_)
    seen[tuple(voxels)] = True
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
        ImageError: The source's header is too broken to be referred to.
        MissingExtraError: The extra [dicom] is not installed.
    """
    highdicom = require("highdicom", "dicom")
    series_uid = highdicom.UID()
    pixels: dict[str, NDArray[Any]] = {
        "BINARY": frames.of(mask).astype(np.uint8),
        "FRACTIONAL": frames.of(score).astype(np.float32),
    }
    with quiet():
        for number, (path, kind) in enumerate(zip(paths, pixels, strict=True), 1):
            try:
                made = _segmentation(highdicom, frames, kind, pixels[kind], str(series_uid), number, facts)
            except (AttributeError, TypeError, ValueError) as error:
                raise ImageError(
                    "the DICOM series",
                    found=f"a header that a DICOM-SEG cannot refer to ({type(error).__name__})",
                    needed="valid study, patient and image attributes",
                    fix="Leave --dicom-seg out, or mend the source.",
                ) from error
            content = io.BytesIO()
            made.save_as(content)
            write_bytes(path, content.getvalue())


def _segmentation(
    highdicom: Any,
    frames: SourceFrames,
    kind: str,
    pixels: NDArray[Any],
    series_uid: str,
    number: int,
    facts: Mapping[str, str],
) -> Any:
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
        series_number=9000 + int(frames.headers[0].get("SeriesNumber") or 0) % 1000,
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
