import gzip
import itertools

import nibabel as nib
import numpy as np
import pytest

from conftest import make_brain
from pseudohealthy.io.content import content_key, file_key, grid_of, label_volumes_ml
from pseudohealthy.io.volume import Volume, read_volume, write_volume

BRAIN = make_brain((9.0, 9.0, 9.0), seed=3)


def test_every_storage_order_and_a_mirror_image_have_one_key() -> None:
    key = content_key(BRAIN)
    for axes in itertools.permutations(range(3)):
        assert content_key(Volume(BRAIN.data.transpose(axes)[::-1, :, ::-1], np.eye(4))) == key


def test_background_does_not_matter_and_every_voxel_does() -> None:
    key = content_key(BRAIN)
    assert content_key(Volume(np.pad(BRAIN.data, 3), np.eye(4))) == key
    changed = BRAIN.data.copy()
    inside = np.argwhere(changed != 0)
    changed[tuple(inside[100])] = np.nextafter(changed[tuple(inside[100])], np.float32(np.inf))
    assert content_key(BRAIN.like(changed)) != key
    one, two = tuple(inside[10]), tuple(inside[20])
    moved = BRAIN.data.copy()
    moved[one], moved[two] = moved[one] + 1, moved[two] - 1  # the same sum
    assert content_key(BRAIN.like(moved)) != key


def test_another_file_of_the_same_voxels_has_the_same_key(tmp_path) -> None:
    whole = BRAIN.like(np.rint(BRAIN.data).astype(np.float32))
    write_volume(whole, tmp_path / "a.nii.gz")
    nib.Nifti1Image(whole.data.astype(np.int16), np.diag([-1.0, 1, 1, 1])).to_filename(tmp_path / "b.nii")
    (tmp_path / "c.nii.gz").write_bytes(gzip.compress((tmp_path / "b.nii").read_bytes(), 1))
    keys = {file_key(tmp_path / name) for name in ("a.nii.gz", "b.nii", "c.nii.gz")}
    assert keys == {content_key(read_volume(tmp_path / "a.nii.gz"))}


def test_a_file_that_changes_is_read_again_and_a_bad_one_has_no_key(tmp_path) -> None:
    path = tmp_path / "a.nii"
    write_volume(BRAIN, path)
    before = file_key(path)
    write_volume(Volume(BRAIN.data[:-1] + np.float32(1), BRAIN.affine), path)
    assert file_key(path) != before
    path.write_text("not an image")
    assert file_key(path) == ""
    assert grid_of(path) is None
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress(b"x" * 9000)[:20])
    assert grid_of(tmp_path / "cut.nii.gz") is None


def test_the_grid_of_a_file_is_that_of_any_storage_order(tmp_path) -> None:
    write_volume(Volume(np.zeros((9, 12, 10), np.float32), np.eye(4)), tmp_path / "a.nii.gz")
    write_volume(Volume(np.zeros((12, 9, 10), np.float32), np.eye(4)), tmp_path / "b.nii.gz")
    assert grid_of(tmp_path / "a.nii.gz") == grid_of(tmp_path / "b.nii.gz") == (9, 10, 12)
    unzipped = tmp_path / "c.nii.gz"  # by its name alone
    unzipped.write_bytes(gzip.decompress((tmp_path / "a.nii.gz").read_bytes()))
    assert grid_of(unzipped) == (9, 10, 12)


def test_values_of_a_label_map_are_told_with_their_volume_largest_first(tmp_path) -> None:
    data = np.zeros((10, 10, 10), np.uint8)
    data[:2], data[2:5, :, 0] = 2, 4
    write_volume(Volume(data, np.diag([2.0, 2, 5, 1])), tmp_path / "labels.nii.gz")
    assert label_volumes_ml(tmp_path / "labels.nii.gz") == {"2": pytest.approx(4.0), "4": pytest.approx(0.6)}
    write_volume(Volume(np.zeros((10, 10, 10), np.uint8), np.eye(4)), tmp_path / "empty.nii.gz")
    assert label_volumes_ml(tmp_path / "empty.nii.gz") == {}
