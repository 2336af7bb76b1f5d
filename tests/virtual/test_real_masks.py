from pathlib import Path

import numpy as np
import pytest

from pseudohealthy.errors import CohortError, ImageError
from pseudohealthy.io.volume import Volume, write_volume
from pseudohealthy.virtual.real_masks import RealMask, carry, carry_lesion, find_masks, fits, read_real_mask, without


def test_sources_are_folder_and_stem_and_in_bids_dataset_and_subject(tmp_path):
    names = (
        "soop/sub1_lesion.nii.gz",
        "mslub/derivatives/lesions/sub-patient03/anat/sub-patient03_label-L_mask.nii.gz",
    )
    for name in names:
        write_volume(Volume(np.ones((2, 2, 2), np.uint8), np.eye(4)), tmp_path / name)
    masks = find_masks([tmp_path])
    assert [mask.source for mask in masks] == ["mslub/patient03", "soop/sub1_lesion"]
    for name in ("patient03", "sub-patient03", "mslub/patient03", "sub-patient03_label-L_mask.nii.gz"):
        assert without({"ms": masks[:1], "stroke": masks[1:]}, [name]) == {"ms": [], "stroke": masks[1:]}
    with pytest.raises(CohortError, match="mask 'patient30', which is not to be used: found no mask of this name"):
        without({"ms": masks}, ["patient30"])


def test_a_folder_without_masks_is_refused(tmp_path):
    with pytest.raises(CohortError, match="no mask"):
        find_masks([tmp_path])
    with pytest.raises(CohortError, match="no such file or folder"):
        find_masks([tmp_path / "nowhere"])


def test_a_carried_ball_lies_where_the_affine_puts_it_with_the_volume_that_the_affine_gives(place, masks_folder):
    mask = read_real_mask(find_masks([masks_folder])[0])
    fraction = carry(mask, place.grid)
    in_mni = np.argwhere(mask.data > 0).mean(axis=0) @ mask.affine[:3, :3].T + mask.affine[:3, 3]
    head = (np.linalg.inv(place.grid.mni_from_head) @ [*in_mni, 1])[:3]
    weights = fraction[..., None] * place.grid.points_mm
    assert weights.sum(axis=(0, 1, 2)) / fraction.sum() == pytest.approx(head, abs=0.1)
    expected_ml = mask.data.sum() * mask.voxel_ml / np.linalg.det(place.grid.mni_from_head[:3, :3])
    assert fraction.sum() * place.grid.voxel_ml == pytest.approx(expected_ml, rel=0.01)
    assert (fraction >= 0.5).sum() * place.grid.voxel_ml == pytest.approx(expected_ml, rel=0.08)


def test_a_lesion_keeps_its_volume_where_its_pieces_are_smaller_than_two_voxels(place, tmp_path):
    shape = (91, 109, 91)
    plaques = np.zeros(shape, np.uint8)
    rng = np.random.default_rng(0)  # single voxels of 2 mm, turned and shifted in the host
    plaques[tuple(rng.integers((30, 40, 40), (60, 80, 60), (200, 3)).T)] = 1
    mask = Volume(plaques, np.array([[2.0, 0, 0, -90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]]))
    expected_ml = plaques.sum() * mask.voxel_ml / np.linalg.det(place.grid.mni_from_head[:3, :3])
    carried_ml = np.count_nonzero(carry_lesion(mask, place.grid)) * place.grid.voxel_ml
    assert carried_ml == pytest.approx(expected_ml, rel=0.05)
    assert (carry(mask, place.grid) >= 0.5).sum() * place.grid.voxel_ml < 0.7 * expected_ml


def test_masks_that_are_small_or_mostly_outside_do_not_fit(place, masks_folder):
    mask = read_real_mask(find_masks([masks_folder])[0])
    carried = carry_lesion(mask, place.grid)
    assert fits(mask, carried, place.brain, place.grid)
    few = carried & (np.cumsum(carried.ravel()).reshape(carried.shape) <= 0.6 * carried.sum())
    assert not fits(mask, few, place.brain, place.grid)
    half = place.brain & (place.grid.points_mm[..., 1] > np.median(place.grid.points_mm[carried][:, 1]))
    assert not fits(mask, carried, half, place.grid)


def test_a_mask_of_other_values_is_refused(tmp_path):
    write_volume(Volume(np.arange(512).reshape(8, 8, 8).clip(0, 5).astype(np.uint8), np.eye(4)), tmp_path / "odd.nii")
    with pytest.raises(ImageError, match="values 2, 3, 4, 5"):
        read_real_mask(RealMask(Path(tmp_path / "odd.nii"), "odd"))
