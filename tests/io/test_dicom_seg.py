from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from conftest import make_brain
from made_dicom import LPS, STORAGES, write_enhanced, write_series
from pseudohealthy import __version__
from pseudohealthy.errors import ImageError
from pseudohealthy.io.dicom import converted, locate
from pseudohealthy.io.dicom_seg import source_frames, write_dicom_seg
from pseudohealthy.io.volume import Volume, read_volume

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("highdicom")
pytest.importorskip("dcm2niix")
FACTS = {"method": "sadm_res", "threshold": "0.37"}


def segmented(folder: Path, **options: object):
    """Convert the series in `folder`, mark what is bright, and write it: scan, mask, score, both SEGs."""
    (series,) = located = locate([folder])
    scan = read_volume(converted(located, folder.parent / "nifti")[0])
    mask = scan.like(scan.data > 1500)
    score = scan.like(np.clip(scan.data / 4000, 0, 1).astype(np.float32))
    paths = (folder.parent / "mask.dcm", folder.parent / "score.dcm")
    write_dicom_seg(source_frames(series, scan), mask, score, paths, FACTS)
    return scan, mask, score, *(pydicom.dcmread(path) for path in paths)


def painted(axes: object) -> Volume:
    """A brain with a corner that tells right from left, front from back, top from bottom."""
    brain = make_brain(axes)
    i, j, k = np.array(brain.shape) * [3, 5, 4] // 10
    brain.data[i : i + 5, j : j + 2, k : k + 2] = 3000
    brain.data[i, j, k : k + 6] = 2500
    return brain


def in_world(seg: object, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World mm, RAS+, and value of the pixels above 0, from the SEG's own functional groups and nothing else."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    row_mm, column_mm = (float(mm) for mm in shared.PixelMeasuresSequence[0].PixelSpacing)
    right, down = np.reshape(shared.PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3)).astype(float)
    groups = seg.PerFrameFunctionalGroupsSequence
    corners = np.array([group.PlanePositionSequence[0].ImagePositionPatient for group in groups], float)
    frame, row, column = np.nonzero(values)
    places = corners[frame] + np.outer(column * column_mm, right) + np.outer(row * row_mm, down)
    return places @ LPS, values[frame, row, column]


def assert_same_voxels(seg: object, volume: Volume, step: float) -> None:
    """Fail unless each voxel above 0 of the volume is one pixel of the SEG, at its place and of its value."""
    found, values = in_world(seg, seg.pixel_array.reshape(-1, seg.Rows, seg.Columns) * step)
    voxels = np.argwhere(np.rint(volume.data / step) > 0)
    wanted = voxels @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    apart_mm, nearest = cKDTree(wanted).query(found)
    assert apart_mm.max() < 0.01
    assert sorted(nearest) == list(range(len(wanted)))
    np.testing.assert_allclose(values, volume.data[tuple(voxels[nearest].T)], atol=step * 0.51)


@pytest.mark.parametrize("reverse", [False, True], ids=["", "instances reversed"])
@pytest.mark.parametrize("storage", STORAGES)
def test_from_dicom_to_a_mask_and_back_every_voxel_returns_to_its_place(storage, reverse, tmp_path):
    brain = painted(STORAGES[storage])
    write_series(tmp_path / "in", brain, reverse=reverse)
    _, mask, score, binary, fractional = segmented(tmp_path / "in")
    assert_same_voxels(binary, mask, 1)
    assert_same_voxels(fractional, score, 1 / 255)
    assert_same_voxels(binary, brain.like(np.rint(brain.data) > 1500), 1)  # before any conversion


def test_a_frame_names_the_very_image_that_it_was_computed_from(tmp_path):
    brain = painted(STORAGES["sagittal"])
    write_series(tmp_path / "in", brain, reverse=True)
    *_, binary, _ = segmented(tmp_path / "in")
    images = {image.SOPInstanceUID: image for image in map(pydicom.dcmread, (tmp_path / "in").iterdir())}
    first = next(iter(images.values()))
    for frame, group in zip(binary.pixel_array, binary.PerFrameFunctionalGroupsSequence, strict=True):
        (source,) = group.DerivationImageSequence[0].SourceImageSequence
        image = images[source.ReferencedSOPInstanceUID]
        np.testing.assert_array_equal(frame > 0, image.pixel_array > 1500)
        assert group.PlanePositionSequence[0].ImagePositionPatient == image.ImagePositionPatient
    assert binary.FrameOfReferenceUID == first.FrameOfReferenceUID
    assert binary.StudyInstanceUID == first.StudyInstanceUID
    assert binary.SeriesInstanceUID != first.SeriesInstanceUID
    assert binary.ReferencedSeriesSequence[0].SeriesInstanceUID == first.SeriesInstanceUID


def test_what_is_segmented_and_by_what_is_said_in_codes(tmp_path):
    write_series(tmp_path / "in", painted(STORAGES["axial"]))
    *_, binary, fractional = segmented(tmp_path / "in")
    assert (binary.SegmentationType, fractional.SegmentationType) == ("BINARY", "FRACTIONAL")
    assert (fractional.SegmentationFractionalType, fractional.MaximumFractionalValue) == ("PROBABILITY", 255)
    assert binary.SeriesInstanceUID == fractional.SeriesInstanceUID
    assert [seg.InstanceNumber for seg in (binary, fractional)] == [1, 2]
    for seg in (binary, fractional):
        (segment,) = seg.SegmentSequence
        coded = [
            getattr(segment, f"{name}Sequence")[0]
            for name in ("SegmentedPropertyCategoryCode", "SegmentedPropertyTypeCode", "AnatomicRegion")
        ]
        assert [(code.CodingSchemeDesignator, code.CodeValue) for code in coded] == [
            ("SCT", "49755003"),
            ("SCT", "52988006"),
            ("SCT", "12738006"),
        ]
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("pseudohealthy", __version__)
        assert "sadm_res" in algorithm.AlgorithmParameters
        assert segment.SegmentAlgorithmType == "AUTOMATIC"


def test_a_scan_without_a_finding_gives_a_segmentation_that_is_empty(tmp_path):
    write_series(tmp_path / "in", make_brain(STORAGES["axial"]))
    scan, *_, binary, _ = segmented(tmp_path / "in")
    assert not binary.pixel_array.any()
    assert binary.NumberOfFrames == scan.shape[2]


def test_an_enhanced_series_in_one_file_goes_the_same_way(tmp_path):
    brain = painted(STORAGES["oblique"])
    write_enhanced(tmp_path / "in", brain)
    _, mask, score, binary, fractional = segmented(tmp_path / "in")
    assert_same_voxels(binary, mask, 1)
    assert_same_voxels(fractional, score, 1 / 255)
    assert_same_voxels(binary, brain.like(np.rint(brain.data) > 1500), 1)


def test_attributes_of_the_patient_that_the_source_lacks_stay_empty(tmp_path):
    def without(dataset, k):
        for keyword in ("PatientName", "PatientBirthDate", "StudyDate", "AccessionNumber"):
            delattr(dataset, keyword)

    write_series(tmp_path / "in", painted(STORAGES["axial"]), edit=without)
    *_, binary, _ = segmented(tmp_path / "in")
    assert not binary.PatientName
    assert not binary.StudyDate


def test_a_volume_of_another_grid_is_refused(tmp_path):
    write_series(tmp_path / "in", painted(STORAGES["axial"]))
    (series,) = locate([tmp_path / "in"])
    for other in (make_brain(STORAGES["oblique"]), make_brain((4.0, 4.0, 4.0)).like(np.zeros((37, 46, 36)))):
        shifted = Volume(other.data, other.affine + np.eye(4)[:, :1] * [0, 0, 0, 1.0])
        with pytest.raises(ImageError, match="not the voxels of the converted scan one by one"):
            source_frames(series, shifted)


def test_a_series_without_a_frame_of_reference_is_refused(tmp_path):
    def without(dataset, k):
        del dataset.FrameOfReferenceUID

    write_series(tmp_path / "in", painted(STORAGES["axial"]), edit=without)
    with pytest.raises(ImageError, match="no frame of reference"):
        segmented(tmp_path / "in")
