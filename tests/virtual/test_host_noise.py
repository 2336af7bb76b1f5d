import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.virtual.host_noise import HostNoise, noise_of
from pseudohealthy.virtual.own_tissue import own_tissue

SHAPE = (40, 40, 40)


@pytest.mark.parametrize(("sd", "width"), [(0.02, 0.0), (0.03, 0.5), (0.01, 0.8)])
def test_noise_is_found_again_under_smooth_tissue_with_vessels(sd, width):
    rng = np.random.default_rng(1)
    image = 1 + 0.04 * np.linspace(-1, 1, 40)[:, None, None] + sd * HostNoise(sd, width).draw(rng, SHAPE)
    image[rng.random(SHAPE) < 0.01] = 0.3  # vessels
    found = noise_of(image.astype(np.float32), np.ones(SHAPE, bool))
    assert found.sd == pytest.approx(sd, rel=0.12)
    assert found.width_voxels == pytest.approx(width, abs=0.1 if width else 0.4)  # narrower ones are as good as white


def test_drawn_noise_has_unit_variance_whatever_its_width():
    for width in (0.0, 0.4, 1.0):
        noise = HostNoise(1.0, width).draw(np.random.default_rng(0), SHAPE)
        assert noise.std() == pytest.approx(1, abs=0.04)


def test_what_a_blur_leaves_of_noise_is_what_is_measured():
    noise = HostNoise(1.0, 0.6).draw(np.random.default_rng(0), (64, 64, 64))
    blurred = ndimage.gaussian_filter(noise, 0.9, mode="wrap")
    covariance, variance = HostNoise(1.0, 0.6).blurred(0.9)
    assert np.mean(noise * blurred) == pytest.approx(covariance, rel=0.05)
    assert np.mean(blurred**2) == pytest.approx(variance, rel=0.05)


def test_own_tissue_is_smooth_where_flat_and_sharp_at_an_edge():
    rng = np.random.default_rng(0)
    true = np.where(np.arange(40)[:, None, None] < 20, 0.6, 1.0) * np.ones(SHAPE)
    image = (true + 0.02 * rng.standard_normal(SHAPE)).astype(np.float32)
    plain, kept, _ = own_tissue(image, np.ones(SHAPE, bool), 0.02, 2.0)
    assert kept[5:14].mean() < 0.05
    assert (plain - true)[5:14].std() < 0.012
    assert kept[19:21].mean() > 0.8
    assert np.abs((plain - true)[18:22].mean(axis=(1, 2))).max() < 0.04  # a Gaussian of this width would leave 0.1
