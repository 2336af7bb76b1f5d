import numpy as np
import pytest

from pseudohealthy.score.lesions import components, lesion_table


def test_lesions_are_listed_largest_first_with_world_centroid_peak_and_mean():
    mask, score = np.zeros((30, 30, 30), dtype=bool), np.zeros((30, 30, 30), dtype=np.float32)
    mask[2:7, 3:8, 4:9] = True  # 125 voxels
    mask[15:25, 15:25, 15:25] = True  # 1000 voxels
    score[mask] = 0.5
    score[20, 20, 20] = 0.9
    rotation = np.array([[0, -2.0, 0], [1.0, 0, 0], [0, 0, 3.0]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = rotation, [10, -5, 2]
    large, small = lesion_table(mask, score, affine)
    assert large.volume_ml == pytest.approx(6.0)
    assert small.volume_ml == pytest.approx(0.75)
    assert large.centroid_mm == pytest.approx((10 - 2 * 19.5, -5 + 19.5, 2 + 3 * 19.5))
    assert small.centroid_mm == pytest.approx((10 - 2 * 5, -5 + 4, 2 + 3 * 6))
    assert large.peak == pytest.approx(0.9)
    assert large.mean == pytest.approx(0.5 + 0.4 / 1000)
    assert small.peak == pytest.approx(0.5)


def test_pieces_that_touch_at_a_corner_are_one_lesion():
    mask = np.zeros((12, 12, 12), dtype=bool)
    mask[1:5, 1:5, 1:5] = True
    mask[5:9, 5:9, 5:9] = True
    (lesion,) = lesion_table(mask, mask.astype(np.float32), np.diag([1, 1, 1, 1.0]))
    assert lesion.volume_ml == pytest.approx(0.128)
    assert components(mask)[1] == 1


@pytest.mark.parametrize(("voxels", "listed"), [(99, 0), (100, 1)])
def test_a_tenth_of_a_millilitre_is_counted_and_less_is_not(voxels, listed):
    mask = np.zeros((30, 30, 30), dtype=bool)
    line = np.zeros(900, dtype=bool)
    line[:voxels] = True
    mask[4] = line.reshape(30, 30)
    assert len(lesion_table(mask, mask.astype(float), np.eye(4))) == listed


def test_empty_mask_has_no_lesion():
    empty = np.zeros((4, 4, 4), dtype=bool)
    assert lesion_table(empty, empty.astype(float), np.eye(4)) == []
    assert components(empty)[1] == 0
