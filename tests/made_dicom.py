"""DICOM series of made brains, and headers full of what must not be told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from pseudohealthy.io.volume import Volume

LPS = np.diag([-1.0, -1.0, 1.0])
CLEAN = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate")


def write_series(
    folder: Path,
    volume: Volume,
    *,
    number: int = 3,
    reverse: bool = False,
    edit: Callable[[Dataset, int], None] = lambda dataset, k: None,
    name: Callable[[int], str] = "{:03d}.dcm".format,
    modality: str = "MR",
) -> str:
    """Write a volume as a series of single-frame images; returns the UID of the series.

    Args:
        folder: Where to.
        volume: Its storage axes become columns, rows and slices; values are rounded to whole numbers.
        number: Series number.
        reverse: Count the instances from the last slice.
        edit: Changes the header of slice k.
        name: File name of slice k.
        modality: Of the series.
    """
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    columns, rows, slices = volume.shape
    spacing = volume.spacing_mm
    axes = LPS @ volume.affine[:3, :3] / spacing
    for k in range(slices):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        for keyword in CLEAN:
            setattr(dataset, keyword, "")
        dataset.Modality, dataset.SeriesNumber = modality, number
        dataset.InstanceNumber = slices - k if reverse else k + 1
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        dataset.MRAcquisitionType = "3D"
        dataset.SliceThickness = dataset.SpacingBetweenSlices = _decimal(spacing[2])
        dataset.PixelSpacing = [_decimal(spacing[1]), _decimal(spacing[0])]
        dataset.ImageOrientationPatient = [_decimal(value) for value in (*axes[:, 0], *axes[:, 1])]
        place = LPS @ (volume.affine @ [0, 0, k, 1])[:3]
        dataset.ImagePositionPatient = [_decimal(value) for value in place]
        dataset.Rows, dataset.Columns = rows, columns
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.PixelData = np.rint(volume.data[:, :, k].T).astype("<i2").tobytes()
        edit(dataset, k)
        dataset.save_as(folder / name(k), enforce_file_format=True)
    return str(series)


def turned(axes: Sequence[float], about_x: float, about_z: float) -> np.ndarray:
    """Storage axes in world mm of a right-to-left, anterior-to-posterior, upward scan that is tilted, degrees."""
    x, z = np.deg2rad(about_x), np.deg2rad(about_z)
    tilt = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    turn = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(turn @ tilt @ LPS * axes)


STORAGES = {
    "axial": LPS * [4.0, 4.0, 4.0],
    "axial, head first reversed": np.diag([-4.0, -4.0, -4.0]),
    "sagittal": np.array([[0, 0, 4.0], [-4.0, 0, 0], [0, -4.0, 0]]),
    "coronal": np.array([[-4.0, 0, 0], [0, 0, -4.0], [0, -4.0, 0]]),
    "oblique": turned([3.5, 4.0, 4.5], 17.0, -9.0),
    "1x1x5 mm": turned([2.0, 2.0, 5.0], -12.0, 0.0),
}
"""Name -> storage axes in world mm (columns, rows, slices)."""


def _decimal(value: float) -> str:
    """A decimal string, at most 16 characters, as scanners write it."""
    return f"{value:.10g}"[:16]


def write_enhanced(folder: Path, volume: Volume) -> None:
    """Write a volume as one enhanced multi-frame image."""
    scratch = folder.parent / "single-frames"
    write_series(scratch, volume)
    singles = [dcmread(file) for file in sorted(scratch.iterdir())]
    enhanced = Dataset()
    enhanced.file_meta = FileMetaDataset()
    enhanced.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    enhanced.update(singles[0])
    enhanced.SOPClassUID, enhanced.SOPInstanceUID = EnhancedMRImageStorage, generate_uid()
    enhanced.PixelData = b"".join(single.PixelData for single in singles)
    enhanced.NumberOfFrames = len(singles)
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    for keyword in ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"):
        setattr(measures, keyword, singles[0][keyword].value)
        delattr(enhanced, keyword)
    orientation.ImageOrientationPatient = singles[0].ImageOrientationPatient
    del enhanced.ImageOrientationPatient, enhanced.ImagePositionPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    enhanced.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for k, single in enumerate(singles):
        group, position, content = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = single.ImagePositionPatient
        content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", k + 1, [1, k + 1]
        group.PlanePositionSequence, group.FrameContentSequence = [position], [content]
        groups.append(group)
    enhanced.PerFrameFunctionalGroupsSequence = groups
    folder.mkdir()
    enhanced.save_as(folder / "all.dcm", enforce_file_format=True)
