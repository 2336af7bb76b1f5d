from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from conftest import make_brain, world_mm
from made_dicom import LPS, STORAGES, is_told, telling, write_enhanced, write_series
from pseudohealthy.errors import CohortError, ConfigError, ImageError, MissingExtraError
from pseudohealthy.io.dicom import as_nifti, locate
from pseudohealthy.io.dicom_series import Series, find_series
from pseudohealthy.io.volume import read_volume, write_volume

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("dcm2niix")
AXES = LPS * 5.0


@pytest.fixture
def brain():
    return make_brain(AXES)


def nothing_is_left(folder: Path) -> bool:
    return not [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("reverse", [False, True], ids=["", "instances reversed"])
@pytest.mark.parametrize("storage", STORAGES)
def test_a_series_becomes_the_scan_that_it_was_made_of(storage, reverse, tmp_path):
    brain = make_brain(STORAGES[storage])
    write_series(tmp_path / "in", brain, reverse=reverse)
    (path,) = as_nifti([tmp_path / "in"], tmp_path / "out")
    found, wanted = read_volume(path).canonical(), brain.canonical()
    assert found.shape == wanted.shape
    np.testing.assert_allclose(world_mm(found), world_mm(wanted), atol=0.01)
    np.testing.assert_array_equal(found.data, np.rint(wanted.data))


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLSLossless"])
def test_compressed_images_are_decoded(syntax, tmp_path, brain):
    def compress(dataset, k):
        try:
            dataset.compress(getattr(pydicom.uid, syntax), generate_instance_uid=False)
        except RuntimeError as error:
            pytest.skip(f"nothing here writes {syntax}: {error}")

    write_series(tmp_path / "in", brain, edit=compress)
    (path,) = as_nifti([tmp_path / "in"], tmp_path / "out")
    np.testing.assert_array_equal(read_volume(path).canonical().data, np.rint(brain.canonical().data))


def test_an_enhanced_series_in_one_file_is_the_same_scan(tmp_path, brain):
    write_enhanced(tmp_path / "in", brain)
    (series,) = locate([tmp_path / "in"])
    assert (series.images, series.plane, series.spacing_mm) == (brain.shape[2], "axial", (5.0, 5.0, 5.0))
    (path,) = as_nifti([tmp_path / "in"], tmp_path / "out")
    np.testing.assert_array_equal(read_volume(path).canonical().data, np.rint(brain.canonical().data))


def test_the_file_is_named_by_a_hash_and_holds_no_text(tmp_path, brain):
    write_series(tmp_path / "in", brain, edit=telling)
    first, again = (as_nifti([tmp_path / "in"], tmp_path / folder)[0] for folder in ("a", "b"))
    assert first.name == again.name
    assert first.read_bytes() == again.read_bytes()
    assert first.name[:7] == "series-"
    assert len(first.name) == len("series-1a2b3c4d.nii.gz")
    header = nib.load(first).header
    assert [header[key].item() for key in ("descrip", "aux_file", "db_name", "intent_name")] == [b""] * 4
    assert not header.extensions
    assert is_told(tmp_path / "a") == []
    assert [path.name for path in (tmp_path / "a").iterdir()] == [first.name]


def test_a_series_that_is_converted_again_is_rewritten_only_where_it_changed(tmp_path, brain):
    write_series(tmp_path / "in", brain)
    (path,) = as_nifti([tmp_path / "in"], tmp_path / "out")
    first = path.stat()
    as_nifti([tmp_path / "in"], tmp_path / "out")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    as_nifti([tmp_path / "in"], tmp_path / "out")
    assert path.read_bytes() == whole


def test_what_is_not_dicom_passes_through(tmp_path, brain):
    plain = tmp_path / "scan.nii.gz"
    write_volume(brain, plain)
    dataset = tmp_path / "bids"
    write_volume(brain, dataset / "sub-1" / "anat" / "sub-1_T1w.nii.gz")
    write_series(dataset / "sourcedata" / "sub-1", brain)
    inputs = [plain, dataset, tmp_path / "absent", tmp_path / "table.tsv"]
    assert as_nifti(inputs, tmp_path / "out") == inputs
    assert not (tmp_path / "out").exists()


def test_inputs_keep_their_order_and_a_file_stands_for_its_series(tmp_path, brain):
    write_series(tmp_path / "a", brain)
    write_series(tmp_path / "a", brain, number=4, name="other-{}".format)
    write_series(tmp_path / "b" / "deep" / "er", make_brain(STORAGES["sagittal"]))
    write_volume(brain, tmp_path / "c.nii")
    files = sorted((tmp_path / "a").glob("*.dcm"))
    found = locate([tmp_path / "c.nii", tmp_path / "b", files[3], files[4]])
    assert [one.plane if isinstance(one, Series) else one.name for one in found] == ["c.nii", "sagittal", "axial"]
    assert sorted(found[2].files) == files
    with pytest.raises(CohortError, match="2 series"):
        locate([tmp_path / "a"])


@pytest.mark.parametrize("wanted", ["4", "uid", "name"])
def test_a_series_is_chosen_by_number_uid_or_name(wanted, tmp_path, brain):
    write_series(tmp_path / "in" / "1", brain)
    uid = write_series(tmp_path / "in" / "2", make_brain(STORAGES["coronal"]), number=4)
    name = next(series.name for series in find_series((tmp_path / "in").rglob("*")) if series.uid == uid)
    (chosen,) = locate([tmp_path / "in"], {"4": "4", "uid": uid, "name": name}[wanted])
    assert (chosen.uid, chosen.plane) == (uid, "coronal")


def test_series_of_one_number_are_told_apart_by_their_names(tmp_path, brain):
    for folder in ("1", "2"):
        write_series(tmp_path / "in" / folder, brain, number=5)
    with pytest.raises(
        CohortError, match=r"2 series of MR images of the name 5: number 5 .*series-.*series-"
    ) as refused:
        locate([tmp_path / "in"], "5")
    offered = str(refused.value).rsplit("--series ", 1)[1]
    assert locate([tmp_path / "in"], offered)[0].name == offered


def test_a_series_without_a_number_can_be_chosen(tmp_path, brain):
    def without(dataset, k):
        dataset.SeriesNumber = None

    write_series(tmp_path / "in" / "1", brain, edit=without)
    write_series(tmp_path / "in" / "2", brain)
    with pytest.raises(CohortError, match="without a number"):
        locate([tmp_path / "in"])


def test_a_series_is_named_where_there_is_none(tmp_path):
    with pytest.raises(ConfigError, match="no DICOM folder among the inputs"):
        locate([tmp_path], "3")


def test_images_of_another_modality_are_refused(tmp_path, brain):
    write_series(tmp_path / "in", brain, modality="CT")
    with pytest.raises(ImageError, match=r"without MR images \(series: 1 of CT\)"):
        locate([tmp_path / "in"])


def test_copies_of_an_image_count_once(tmp_path, brain):
    write_series(tmp_path / "in", brain)
    shutil.copytree(tmp_path / "in", tmp_path / "in" / "copy")
    (path,) = as_nifti([tmp_path / "in"], tmp_path / "out")
    np.testing.assert_array_equal(read_volume(path).canonical().data, np.rint(brain.canonical().data))


def test_a_directory_file_is_no_image(tmp_path, brain):
    write_series(tmp_path / "in", brain)
    listing = pydicom.Dataset()
    listing.file_meta = pydicom.dataset.FileMetaDataset()
    listing.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    listing.file_meta.MediaStorageSOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    listing.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    listing.save_as(tmp_path / "in" / "DICOMDIR", enforce_file_format=True)
    assert locate([tmp_path / "in"])[0].images == brain.shape[2]


def missing_slice(folder: Path) -> None:
    (folder / "011.dcm").unlink()


def damaged_header(folder: Path) -> None:
    (folder / "011.dcm").write_bytes((folder / "011.dcm").read_bytes()[:400])


def damaged_image(folder: Path) -> None:
    content = (folder / "011.dcm").read_bytes()
    (folder / "011.dcm").write_bytes(content[: len(content) - 900])


def two_echoes(folder: Path) -> None:
    for number, file in enumerate(sorted(folder.iterdir())):
        header = pydicom.dcmread(file)
        header.EchoTime, header.EchoNumbers = (5, 1) if number % 2 else (10, 2)
        header.save_as(file)


def two_times(folder: Path) -> None:  # dcm2niix gives both volumes one name
    for number, file in enumerate(sorted(folder.iterdir())):
        header = pydicom.dcmread(file)
        header.StudyDate, header.StudyTime = "20200101", f"12000{number % 2}"
        header.save_as(file)


def few_slices(folder: Path) -> None:
    for file in sorted(folder.iterdir())[4:]:
        file.unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (missing_slice, "slices at unequal distances"),
        (damaged_header, "a file whose header is damaged"),
        (damaged_image, "dcm2niix makes no image of it"),
        (two_echoes, "2 volumes in one series"),
        (two_times, "2 volumes in one series"),
        (few_slices, "DICOM series number 3 .* found shape"),
    ],
)
def test_a_series_that_is_no_sound_volume_is_refused_and_leaves_nothing(spoil, said, tmp_path, brain):
    write_series(tmp_path / "in", brain)
    spoil(tmp_path / "in")
    with pytest.raises(ImageError, match=said):
        as_nifti([tmp_path / "in"], tmp_path / "out")
    assert nothing_is_left(tmp_path / "out")


def test_without_the_extra_the_pip_line_is_told(tmp_path, brain, monkeypatch):
    write_series(tmp_path / "in", brain)

    def absent(module: str, extra: str):
        raise MissingExtraError(module, found="nothing", needed="it", fix=f"pip install 'pseudohealthy[{extra}]'")

    monkeypatch.setattr("pseudohealthy.io.dicom_series.require", absent)
    with pytest.raises(MissingExtraError, match=r"pseudohealthy\[dicom\]"):
        as_nifti([tmp_path / "in"], tmp_path / "out")
