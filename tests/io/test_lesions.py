import numpy as np
import pytest

from conftest import make_brain
from pseudohealthy.errors import ImageError
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.lesions import read_lesion_mask
from pseudohealthy.io.volume import read_mask, write_volume


@pytest.fixture
def scan():
    return make_brain((8.0, 8.0, 8.0))


def labelled(scan, folder, *labels):
    """A file whose first voxels hold the labels."""
    data = np.zeros(scan.shape, np.uint8)
    data.flat[: len(labels)] = labels
    write_volume(scan.like(data), folder / "labels.nii.gz")
    return folder / "labels.nii.gz"


def test_lesion_labels_are_merged_and_ignored_ones_kept_apart(scan, tmp_path):
    path = labelled(scan, tmp_path, 1, 2, 3, 4, 0, 4)
    case = Case("a", tmp_path, lesion_mask=path, lesion_labels=(1, 2, 4), ignored_labels=(3,))
    mask = read_lesion_mask(case, scan)
    assert np.flatnonzero(mask.lesion.data).tolist() == [0, 1, 3, 5]
    assert np.flatnonzero(mask.ignored.data).tolist() == [2]
    assert mask.lesion.data.dtype == mask.ignored.data.dtype == np.bool_
    assert mask.lesion.source == path
    assert mask.labels().data.flat[:7].tolist() == [1, 1, 2, 1, 0, 1, 0]
    assert mask.labels().data.dtype == np.uint8


def test_without_rules_it_is_the_mask_that_is_read(scan, tmp_path):
    path = labelled(scan, tmp_path, 1, 0, 1)
    mask = read_lesion_mask(Case("a", tmp_path, lesion_mask=path), scan)
    np.testing.assert_array_equal(mask.lesion.data, read_mask(path, scan, "lesion mask").data)
    assert not mask.ignored.data.any()
    assert read_lesion_mask(Case("a", tmp_path), scan) is None


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({}, "the values 2; needed 0 and 1 only"),
        ({"lesion_labels": (1, 4)}, "the values 2; needed 0, 1 and 4 only"),
        ({"lesion_labels": (3,), "ignored_labels": (2,)}, "the values 1; needed 0, 2 and 3 only"),
    ],
)
def test_a_label_without_a_meaning_is_refused_and_the_columns_are_named(scan, tmp_path, rule, found):
    path = labelled(scan, tmp_path, 1, 2)
    with pytest.raises(ImageError) as caught:
        read_lesion_mask(Case("a", tmp_path, lesion_mask=path, **rule), scan)
    assert found in str(caught.value)
    assert "'ignored_labels'" in str(caught.value)
