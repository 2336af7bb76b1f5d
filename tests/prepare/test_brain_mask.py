from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.errors import ImageError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.volume import read_volume
from pseudohealthy.prepare.brain_mask import brain_mask

SCAN = Path("scan.nii.gz")


def test_mask_is_what_is_not_zero(made_brain):
    brain = made_brain()
    mask = brain_mask(brain)
    assert mask.data.dtype == np.bool_
    np.testing.assert_array_equal(mask.data, brain.data != 0)
    assert mask.data.sum() * mask.voxel_ml == pytest.approx(4 / 3 * np.pi * 6.8 * 8.6 * 6.6, rel=0.02)


def test_negative_voxels_and_holes_belong_to_the_brain_and_specks_do_not(made_brain):
    brain = made_brain()
    data = brain.data.copy()
    i, j, k = np.array(data.shape) // 2
    data[i, j, k - 4 : k + 5] *= -1
    data[i - 3 : i + 4, j - 9 : j - 2, k : k + 5] = 0  # a closed hole
    data[1, 1, 1] = 50
    np.testing.assert_array_equal(brain_mask(brain.like(data)).data, brain.data != 0)


def test_bay_open_to_the_outside_stays_background(made_brain):
    brain = made_brain()
    data = brain.data.copy()
    i, j, k = np.array(data.shape) // 2
    data[i, j, k:] = 0
    assert not brain_mask(brain.like(data)).data[i, j, k]


def test_hole_filling_equals_scipys(made_brain):
    brain = made_brain()
    rng = np.random.default_rng(2)
    data = brain.data * (rng.random(brain.shape) > 0.4)
    mask = brain_mask(brain.like(data)).data
    pieces, _ = ndimage.label(data != 0, np.ones((3, 3, 3)))
    largest = pieces == np.bincount(pieces[pieces > 0]).argmax()
    np.testing.assert_array_equal(mask, ndimage.binary_fill_holes(largest))


def test_head_without_zero_background_is_refused_with_advice(made_brain):
    brain = replace(made_brain(), source=SCAN)
    noisy = brain.like(brain.data + np.random.default_rng(0).uniform(1, 30, brain.shape))
    with pytest.raises(
        ImageError, match=r"no background of 0 .*probably a whole head.*pseudohealthy prepare.*--strip"
    ) as caught:
        brain_mask(noisy)
    assert str(caught.value).startswith("scan.nii.gz: ")


@pytest.mark.parametrize(
    ("zoom", "guess"),
    [(1.2, "probably a whole head"), (0.7, "probably a part of a brain"), (0.5, "probably a slab, a cut-out")],
)
def test_volume_that_no_brain_has_is_refused_with_a_guess(zoom, guess, made_brain):
    brain = made_brain()
    scaled = replace(brain, affine=brain.affine @ np.diag([zoom, zoom, zoom, 1.0]))
    found = f"{1617 * zoom**3:.0f}"[:2]  # of 1617 ml
    with pytest.raises(ImageError, match=f"a foreground of {found}.* ml, {guess}"):
        brain_mask(scaled)


def test_brain_of_a_large_template_is_a_brain(made_brain):
    brain = made_brain()
    laid_over = replace(brain, affine=brain.affine @ np.diag([1.08, 1.08, 1.08, 1.0]))  # 2037 ml
    assert brain_mask(laid_over).data.sum() * laid_over.voxel_ml > 2000


def test_given_mask_is_taken_as_it_is_and_checked(made_brain):
    brain = made_brain()
    head = brain.like(brain.data + 100)
    given = brain.like(brain.data != 0)
    np.testing.assert_array_equal(brain_mask(head, given).data, given.data)
    small = replace(brain.like(ndimage.binary_erosion(given.data, iterations=12)), source=Path("mask.nii"))
    with pytest.raises(ImageError, match=r"mask\.nii: found a brain mask of \d+ ml, probably a slab"):
        brain_mask(head, small)
    with pytest.raises(ImageError, match="a brain mask of 0 ml"):
        brain_mask(head, brain.like(np.zeros(brain.shape, bool)))


def test_given_mask_of_another_shape_is_refused(made_brain):
    with pytest.raises(ImageError, match="a brain mask of shape"):
        brain_mask(made_brain(), made_brain((3.0, 3.0, 4.0)))


def test_real_stripped_scans_have_plausible_masks_and_real_heads_are_refused(shared_data):
    for dataset in ("oasis", "mslub"):
        scan = read_volume(discover([shared_data / dataset])[0].image)
        mask = brain_mask(scan)
        assert 1000 < mask.data.sum() * mask.voxel_ml < 1700
        assert mask.data[scan.data < 0].all()
    heads = [*discover([shared_data / "whole_head"]), *discover([shared_data / "lgg"])[:3]]
    for case in heads:
        with pytest.raises(ImageError, match="whole head"):
            brain_mask(read_volume(case.image))
