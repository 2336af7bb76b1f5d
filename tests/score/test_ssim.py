import itertools

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from pseudohealthy.score.ssim import dissimilarity, ssim


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = np.clip(rng.normal(0.6, 0.3, (21, 18, 16)), 0, 1.5).astype(np.float32)
    return x, np.clip(x + rng.normal(0, 0.1, x.shape), 0, 1.5).astype(np.float32)


def test_equals_scikit_image(pair):
    x, x_hat = pair
    _, expected = structural_similarity(
        x.astype(float),
        x_hat.astype(float),
        gaussian_weights=True,
        sigma=1,
        use_sample_covariance=False,
        data_range=1,
        full=True,
        K1=0.01,
        K2=0.03,
    )
    assert np.abs(ssim(x, x_hat) - expected).max() < 1e-9


def test_equals_the_formula_summed_over_the_window_of_one_voxel(pair):
    x, x_hat = (volume.astype(float) for volume in pair)
    offsets = np.arange(-4, 5)
    weights = np.exp(-(offsets**2) / 2)
    weights /= weights.sum()
    for centre in [(10, 9, 8), (0, 0, 0), (20, 3, 15)]:
        sums = np.zeros(5)
        for steps in itertools.product(range(9), repeat=3):
            weight = np.prod([weights[s] for s in steps])
            place = []
            for c, s, size in zip(centre, steps, x.shape, strict=True):
                position = c + offsets[s]
                place.append(-position - 1 if position < 0 else min(position, 2 * size - 1 - position))
            a, b = x[tuple(place)], x_hat[tuple(place)]
            sums += weight * np.array([a, b, a * a, b * b, a * b])
        ma, mb, aa, bb, ab = sums
        expected = (2 * ma * mb + 1e-4) * (2 * (ab - ma * mb) + 9e-4)
        expected /= (ma**2 + mb**2 + 1e-4) * (aa - ma**2 + bb - mb**2 + 9e-4)
        assert ssim(x, x_hat)[centre] == pytest.approx(expected, abs=1e-9)


def test_two_flat_volumes_have_the_closed_form_of_the_luminance_term():
    a, b = np.full((12, 12, 12), 0.2), np.full((12, 12, 12), 0.9)
    assert ssim(a, b) == pytest.approx((2 * 0.18 + 1e-4) / (0.04 + 0.81 + 1e-4))
    assert ssim(a, a) == pytest.approx(1.0)


def test_map_inside_the_mask_equals_the_uncropped_one_and_ignores_what_lies_outside(pair):
    x, x_hat = pair
    mask = np.zeros(x.shape, dtype=bool)
    mask[8:14, 7:12, 5:9] = True
    expected = np.where(mask, 1 - ssim(x * mask, x_hat * mask), 0)
    shown = dissimilarity(x, x_hat, mask)
    assert shown.dtype == np.float32
    assert np.abs(shown - expected).max() < 1e-6
    painted = np.where(mask, x_hat, 7.0)
    assert np.array_equal(dissimilarity(x, painted, mask), shown)


def test_brightness_of_a_distant_lesion_does_not_change_the_score_elsewhere(pair):
    x, x_hat = pair
    mask = np.ones(x.shape, dtype=bool)
    bright = x.copy()
    bright[18:, 15:, 13:] = 40.0
    assert np.array_equal(dissimilarity(x, x_hat, mask)[:9], dissimilarity(bright, x_hat, mask)[:9])


def test_opposite_contrast_reaches_beyond_one_and_an_empty_mask_gives_zero():
    rng = np.random.default_rng(1)
    pattern = rng.choice([0.0, 1.0], (15, 15, 15))
    worst = dissimilarity(pattern, 1 - pattern, np.ones(pattern.shape, dtype=bool))
    assert 1.5 < worst[7, 7, 7] <= 2.0
    assert not dissimilarity(pattern, 1 - pattern, np.zeros(pattern.shape, dtype=bool)).any()
