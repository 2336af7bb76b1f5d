import numpy as np
import pytest

from pseudohealthy.score import metrics

EMPTY = np.zeros((20, 20, 20), dtype=bool)


def cube(start: int, edge: int) -> np.ndarray:
    mask = EMPTY.copy()
    mask[(slice(start, start + edge),) * 3] = True
    return mask


def test_dice_of_overlapping_cubes():
    assert metrics.dice(cube(2, 4), cube(4, 4)) == pytest.approx(2 * 8 / 128)
    assert metrics.dice(cube(2, 4), cube(2, 4)) == 1
    assert metrics.dice(EMPTY, cube(2, 4)) == 0
    assert metrics.dice(cube(2, 4), EMPTY) is None


def test_oracle_dice_is_found_inside_the_brain_mask_alone():
    score = np.where(cube(2, 4), 0.9, 0.1)
    score[15:, 15:, 15:] = 1.0  # outside the brain
    assert metrics.dice_oracle(score, cube(2, 4), cube(0, 10)) == 1
    assert metrics.dice_oracle(score, EMPTY, cube(0, 10)) is None


def test_constant_map_has_the_oracle_dice_of_the_prevalence():
    p = 64 / 1000
    assert metrics.dice_oracle(np.ones(EMPTY.shape), cube(3, 4), cube(0, 10)) == pytest.approx(2 * p / (1 + p))


@pytest.mark.parametrize(("covered", "expected"), [(12, 0.5), (13, 1.0), (0, 0.5)])
def test_a_lesion_is_found_when_a_tenth_of_it_is_covered(covered, expected):
    reference, prediction = cube(1, 5) | cube(12, 5), cube(12, 5)
    inside = np.flatnonzero(cube(1, 5))
    prediction.reshape(-1)[inside[:covered]] = True
    assert metrics.lesion_sensitivity(prediction, reference, voxel_ml=0.001) == expected


def test_lesions_below_a_tenth_of_a_millilitre_are_not_counted():
    assert metrics.lesion_sensitivity(EMPTY, cube(1, 4), voxel_ml=0.001) is None  # 0.064 ml
    assert metrics.lesion_sensitivity(EMPTY, cube(1, 4), voxel_ml=0.008) == 0
    assert metrics.false_lesions(cube(1, 4), EMPTY, voxel_ml=0.001) == 0
    assert metrics.false_lesions(cube(1, 4), EMPTY, voxel_ml=0.008) == 1


def test_predicted_pieces_that_share_a_voxel_with_the_reference_are_not_false():
    reference, prediction = cube(1, 5), cube(5, 6) | cube(14, 5)
    assert metrics.false_lesions(prediction, reference, voxel_ml=0.001) == 1
    assert metrics.false_lesions(prediction, EMPTY, voxel_ml=0.001) == 2


def test_volumes_are_signed_and_in_millilitres():
    assert metrics.volume_error_ml(cube(1, 4), cube(1, 5), 0.008) == pytest.approx((64 - 125) * 0.008)
    assert metrics.volume_error_ml(cube(1, 5), EMPTY, 0.008) == pytest.approx(1.0)
    assert metrics.fp_ml(cube(1, 5), cube(1, 4), 0.008) == pytest.approx(61 * 0.008)
