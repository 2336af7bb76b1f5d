import pytest
import torch

from pseudohealthy.data.texture import CHANGES, random_texture


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("name", "u", "expected"),
    [
        ("gamma", 0.5, [0.2, 0.5, 0.9]),
        ("gamma", 1.0, [0.2**4, 0.5**4, 0.9**4]),
        ("gamma", 0.0, [0.2**0.25, 0.5**0.25, 0.9**0.25]),
        ("brightness", 0.8, [0.5, 0.8, 1.2]),
        ("contrast", 1.0, [-0.7, 0.5, 2.1]),
        ("contrast", 0.0, [0.425, 0.5, 0.6]),
        ("posterise", 0.0, [0.0, 1.0, 1.0]),
        ("posterise", 0.25, [0.0, 0.5, 1.0]),
        ("solarise", 0.5, [0.2, 0.5, 0.1]),
        ("invert", 0.3, [0.8, 0.5, 0.1]),
    ],
)
def test_change_follows_its_formula(name, u, expected):
    v = torch.tensor([0.2, 0.5, 0.9]).view(1, 1, 1, 3)
    found = CHANGES[name](v, torch.tensor(u).view(1, 1, 1, 1))
    torch.testing.assert_close(found.flatten(), torch.tensor(expected))


def test_texture_lies_in_the_range_of_intensities_and_uses_it():
    noise = torch.randn(200, 1, 24, 20, generator=generator(1))
    texture = random_texture(noise, generator(2))
    assert texture.min() >= 0
    assert texture.max() <= 1.5
    brightest = texture.amax((1, 2, 3))
    assert (brightest > 1.2).any()
    assert (brightest < 0.8).any()


def test_texture_does_not_depend_on_the_scale_of_the_noise():
    noise = torch.rand(30, 1, 16, 16, generator=generator(1))
    first, scaled = random_texture(noise, generator(2)), random_texture(8 * noise + 4, generator(2))
    close = (first - scaled).abs() < 1e-3
    assert close.float().mean() > 0.99  # posterised levels may flip where rounding differs


def test_three_different_changes_in_varying_order_give_varying_textures():
    noise = torch.rand(1, 1, 16, 16, generator=generator(1)).expand(100, 1, 16, 16)
    texture = random_texture(noise, generator(2)).flatten(1)
    assert len(torch.unique(texture, dim=0)) > 85  # some are posterised to plain black
    assert (texture.std(1) > 0.05).float().mean() > 0.8


def test_constant_noise_gives_a_finite_texture():
    assert random_texture(torch.ones(20, 1, 4, 4), generator(3)).isfinite().all()
