import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.score.surface import hd95_mm


def by_distance_transform(a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float]) -> float:
    """The definition on the whole volume: an independent way to the same number."""
    cross = ndimage.generate_binary_structure(3, 1)
    edges = [mask & ~ndimage.binary_erosion(mask, cross) for mask in (a, b)]
    return max(
        np.percentile(ndimage.distance_transform_edt(~to, sampling=spacing)[of], 95) for of, to in (edges, edges[::-1])
    )


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9, 1.1, 5.0)])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_distance_transform(seed, spacing):
    rng = np.random.default_rng(seed)
    a, b = (ndimage.gaussian_filter(rng.normal(size=(22, 20, 18)), 2) > 0.05 for _ in range(2))
    assert hd95_mm(a, b, spacing) == pytest.approx(by_distance_transform(a, b, spacing), abs=1e-9)


def test_shifted_cube_is_its_shift_in_mm():
    a, b = np.zeros((30, 30, 30), dtype=bool), np.zeros((30, 30, 30), dtype=bool)
    a[5:8, 5:8, 5:8] = True
    b[5:8, 5:8, 15:18] = True
    assert hd95_mm(a, b, (1.0, 1.0, 2.0)) == pytest.approx(20.0)
    assert hd95_mm(a, a, (1.0, 1.0, 2.0)) == 0


def test_undefined_where_a_mask_is_empty():
    full, empty = np.ones((3, 3, 3), dtype=bool), np.zeros((3, 3, 3), dtype=bool)
    assert hd95_mm(full, empty, (1, 1, 1)) is None
    assert hd95_mm(empty, full, (1, 1, 1)) is None
    assert hd95_mm(empty, empty, (1, 1, 1)) is None
