import pytest
import torch

from pseudohealthy.data.pyramid import level_sizes, pyramid_noise


@pytest.mark.parametrize("size", [(32, 24), (17, 9)])
def test_pyramid_noise_has_mean_zero_and_unit_variance_at_every_pixel(size):
    maps = pyramid_noise(4000, *size, torch.Generator().manual_seed(0))
    assert maps.shape == (4000, 1, *size)
    assert maps.mean(dim=0).abs().max() < 0.1
    assert (maps.var(dim=0) - 1).abs().max() < 0.15


def test_it_is_coarser_than_white_noise():
    maps = pyramid_noise(200, 96, 80, torch.Generator().manual_seed(0))
    correlation = (maps[..., 8:] * maps[..., :-8]).mean() / maps.square().mean()
    assert correlation > 0.05  # of white noise 0, give or take 0.001


def test_levels_halve_down_to_a_few_points():
    assert level_sizes(96, 80) == [(96, 80), (48, 40), (24, 20), (12, 10), (6, 5), (3, 2)]
