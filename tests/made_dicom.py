"""DICOM series of made brains, and headers full of what must not be told."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.datadict import DicomDictionary
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


def telling(dataset: Dataset, k: int) -> None:
    """Fill every text, date, time, name and UID of a header with what must not be told; see `is_told`."""
    text = {"LO": WORD, "SH": WORD, "PN": f"{WORD}^Jane", "LT": WORD, "ST": WORD, "UT": WORD, "UC": WORD, "AE": WORD}
    text |= {"DA": DATE, "TM": CLOCK, "DT": f"{DATE}{CLOCK}", "AS": "077Y"}
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        group = tag >> 16
        if group in (0x08, 0x10, 0x18, 0x20, 0x32, 0x38, 0x40) and vr in text and keyword and keyword not in CHARSETS:
            setattr(dataset, keyword, text[vr])
    block = dataset.private_block(0x0009, WORD, create=True)
    block.add_new(0x01, "LO", WORD)
    dataset.StudyInstanceUID = f"1.2.826.0.1.{DATE}.1"
    dataset.SeriesInstanceUID = f"1.2.826.0.1.{DATE}.2"
    dataset.FrameOfReferenceUID = f"1.2.826.0.1.{DATE}.3"
    dataset.SOPInstanceUID = f"1.2.826.0.1.{DATE}.4.{k}"
    dataset.PatientSex = "F"


WORD, DATE, CLOCK = "Zyxwvq", "19470317", "131719.73"
CHARSETS = ("SpecificCharacterSet",)


def is_told(folder: Path, *said: str) -> list[str]:
    """Where something of `telling` stands: in names, in contents, unzipped and decoded, in what was said."""
    places = {f"the name of {path.name}": str(path.relative_to(folder)).encode() for path in folder.rglob("*")}
    for path in filter(Path.is_file, folder.rglob("*")):
        content = path.read_bytes()
        places[path.name] = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        for number, picture in enumerate(re.findall(rb"base64,([A-Za-z0-9+/=]+)", content)):
            places[f"picture {number} of {path.name}"] = base64.b64decode(picture)
    places |= {f"what was said, {number}": text.encode() for number, text in enumerate(said)}
    dashed = f"{DATE[:4]}-{DATE[4:6]}-{DATE[6:]}"
    secrets = [word.lower().encode() for word in (WORD, DATE, CLOCK, dashed, "13:17:19", "131719", "077Y")]
    return [place for place, content in places.items() if any(secret in content.lower() for secret in secrets)]
