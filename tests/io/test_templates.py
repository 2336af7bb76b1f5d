import nibabel as nib
import numpy as np
import pytest

from pseudohealthy.errors import ImageError
from pseudohealthy.io.templates import load_template, mni152


@pytest.fixture(scope="module")
def template():
    return mni152(3.0)


def test_maps_share_one_grid_in_mni_space(template):
    np.testing.assert_array_equal(np.diag(template.t1.affine), [3, 3, 3, 1])
    for volume in (template.gm, template.wm, template.brain_mask):
        assert volume.shape == template.t1.shape
        np.testing.assert_array_equal(volume.affine, template.t1.affine)


def test_brain_has_the_size_and_place_of_the_mni_brain(template):
    mask = template.brain_mask
    assert mask.data.dtype == np.bool_
    assert mask.data.sum() * mask.voxel_ml == pytest.approx(1883, rel=0.01)  # of the 1 mm mask
    box = np.argwhere(mask.data)
    low, high = (box.min(0) - 0.5) * 3 + mask.affine[:3, 3], (box.max(0) + 0.5) * 3 + mask.affine[:3, 3]
    assert (low + high)[0] / 2 == pytest.approx(0, abs=3)  # symmetrical about the midline
    np.testing.assert_allclose(high - low, [145, 181, 155], atol=6)


def test_maps_are_probabilities_and_white_matter_is_bright(template):
    for volume in (template.t1, template.gm, template.wm):
        assert volume.data.dtype == np.float32
        assert 0 <= volume.data.min() <= volume.data.max() <= 1
    inside = template.brain_mask.data
    assert not template.t1.data[~inside].any()
    white, grey = template.wm.data > 0.9, template.gm.data > 0.9
    assert template.t1.data[white].mean() > 1.15 * template.t1.data[grey].mean()


def test_tissue_volumes_do_not_depend_on_the_spacing(template):
    fine = mni152(1.0)
    for coarse, full in ((template.gm, fine.gm), (template.wm, fine.wm)):
        assert coarse.data.sum() * coarse.voxel_ml == pytest.approx(full.data.sum() * full.voxel_ml, rel=0.01)


def test_finer_than_the_template_is_refused():
    with pytest.raises(ValueError, match="1 mm voxels"):
        mni152(0.5)


def test_mni152_is_a_template_by_its_name(template):
    found = load_template("mni152")
    fine = mni152(1.0)
    assert (found.name, found.t1, found.brain_mask) == ("mni152", fine.t1, fine.brain_mask)
    assert load_template("mni152") is found


def stored(brain, path, shape):
    image = nib.Nifti1Image(brain.data.reshape(shape), brain.affine)
    nib.save(image, path)
    return path


def test_template_of_a_file_may_be_stored_in_four_dimensions_and_have_holes(made_brain, tmp_path):
    brain = made_brain((6.0, 6.0, 6.0))
    whole = brain.data != 0
    middle = tuple(n // 2 for n in brain.shape)
    brain.data[middle] = 0
    found = load_template(stored(brain, tmp_path / "sri24_t1.nii.gz", (*brain.shape, 1)))
    assert found.name == "sri24_t1"
    assert found.t1.shape == brain.shape
    np.testing.assert_array_equal(found.t1.affine, brain.affine)
    np.testing.assert_array_equal(found.t1.data, brain.data)
    np.testing.assert_array_equal(found.brain_mask.data, whole)


def test_template_with_a_skull_is_refused(made_brain, tmp_path):
    brain = made_brain((6.0, 6.0, 6.0))
    brain.data[:] += 10
    with pytest.raises(ImageError, match="0% of its voxels 0; needed a skull-stripped brain"):
        load_template(stored(brain, tmp_path / "head.nii", brain.shape))
