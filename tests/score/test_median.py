import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.errors import ConfigError
from pseudohealthy.score.median import median_in_mask


def blob(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 3)
    return smooth > 0


@pytest.mark.parametrize("edge", [1, 3, 5, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_scipy_at_the_voxels_of_the_mask(edge, dtype):
    shape = (23, 19, 17)
    values, mask = np.random.default_rng(edge).normal(size=shape).astype(dtype), blob(shape, edge)
    expected = ndimage.median_filter(values * mask, edge, mode="constant")
    filtered = median_in_mask(values, mask, edge)
    assert filtered.dtype == dtype
    assert np.array_equal(filtered[mask], expected[mask])
    assert not filtered[~mask].any()


def test_mask_that_touches_the_faces_is_padded_with_zeros():
    ones = np.ones((8, 8, 8), dtype=np.float32)
    filtered = median_in_mask(ones, ones > 0, 5)
    assert filtered[0, 0, 0] == 0  # 27 ones of 125
    assert filtered[4, 4, 4] == 1
    assert np.array_equal(filtered, ndimage.median_filter(ones, 5, mode="constant"))


def test_a_single_bright_voxel_disappears_and_the_input_stays_as_it_was():
    values = np.zeros((9, 9, 9), dtype=np.float32)
    values[4, 4, 4] = 1
    mask = np.ones(values.shape, dtype=bool)
    assert not median_in_mask(values, mask).any()
    assert values[4, 4, 4] == 1


def test_nan_outside_the_mask_and_an_empty_mask_do_no_harm():
    values = np.full((9, 9, 9), np.nan, dtype=np.float32)
    mask = np.zeros(values.shape, dtype=bool)
    assert not median_in_mask(values, mask).any()
    mask[2:7, 2:7, 2:7] = True
    values[mask] = 0.5
    assert median_in_mask(values, mask)[4, 4, 4] == 0.5


@pytest.mark.parametrize("edge", [0, 4, -1])
def test_a_window_without_a_middle_is_refused(edge):
    with pytest.raises(ConfigError, match="median_voxels: found"):
        median_in_mask(np.zeros((3, 3, 3), dtype=np.float32), np.ones((3, 3, 3), dtype=bool), edge)
