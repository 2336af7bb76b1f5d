import pytest
import torch

from pseudohealthy.data.draem import DraemAnomaly, blend, top_share


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(n, seed=0):
    """Discs of random intensities as brains."""
    y, x = torch.meshgrid(torch.arange(48) - 23.5, torch.arange(40) - 19.5, indexing="ij")
    mask = ((y / 22) ** 2 + (x / 17) ** 2 < 1).expand(n, 1, 48, 40)
    return 1.5 * torch.rand(n, 1, 48, 40, generator=generator(seed)) * mask, mask


def test_blend_equals_the_formula_of_the_paper():
    image, texture, mask = torch.rand(3, 5, 1, 8, 6, generator=generator(1), dtype=torch.float64)
    mask = mask.round()
    g = torch.linspace(0.2, 1, 5, dtype=torch.float64).view(5, 1, 1, 1)
    found = blend(image, texture, mask, g)
    for k in range(5):
        for i in range(8):
            for j in range(6):
                a, t, m = float(image[k, 0, i, j]), float(texture[k, 0, i, j]), float(mask[k, 0, i, j])
                opacity = float(g[k])
                expected = (1 - m) * a + (1 - opacity) * m * a + opacity * m * t
                assert float(found[k, 0, i, j]) == pytest.approx(expected, abs=1e-15)


def test_blend_leaves_every_bit_outside_the_mask():
    x, mask = batch(2)
    assert torch.equal(blend(x, torch.ones_like(x), torch.zeros_like(x), 0.7), x)
    painted = blend(x, torch.ones_like(x), mask.float(), 1.0)
    assert torch.equal(painted, torch.where(mask, 1.0, x))


def test_top_share_takes_the_highest_values_inside_the_mask():
    noise = torch.arange(20.0).view(1, 1, 4, 5)
    mask = (noise % 2 == 0) & (noise < 18)  # 0, 2, ..., 16: nine pixels
    found = top_share(noise, mask, torch.full((1, 1, 1, 1), 0.3))
    assert noise[found].tolist() == [12, 14, 16]  # ceil(0.3 * 9)
    assert not top_share(noise, torch.zeros_like(mask), torch.full((1, 1, 1, 1), 0.3)).any()


def test_painted_values_are_the_blend_of_host_and_texture():
    """The same seed on two hosts gives the same mask and texture, so their difference shrinks by 1 - g exactly."""
    generate = DraemAnomaly(probability=1.0, opacity=(0.3, 0.3))
    (x1, mask), (x2, _) = batch(8, seed=1), batch(8, seed=2)
    (painted1, label1), (painted2, label2) = generate(x1, mask, generator(3)), generate(x2, mask, generator(3))
    assert torch.equal(label1, label2)
    torch.testing.assert_close(painted1 - painted2, (1 - 0.3 * label1) * (x1 - x2), atol=1e-6, rtol=0)
    opaque = DraemAnomaly(probability=1.0, opacity=(1.0, 1.0))
    texture = opaque(x1, mask, generator(3))[0]
    torch.testing.assert_close(painted1, blend(x1, texture, label1, 0.3), atol=1e-6, rtol=0)


def test_area_lies_in_its_range_and_fills_it_evenly_on_a_logarithmic_scale():
    x, mask = batch(300)
    _, label = DraemAnomaly(probability=1.0, area=(0.01, 0.16))(x, mask, generator(1))
    share = label.sum((1, 2, 3)) / mask.sum((1, 2, 3))
    assert share.min() >= 0.01
    assert share.max() <= 0.16 + 1e-3  # rounded up to whole pixels
    assert (share < 0.04).float().mean() == pytest.approx(0.5, abs=0.1)


def test_opacity_is_uniform_in_its_range():
    x, mask = batch(400)
    generate = DraemAnomaly(probability=1.0)
    bright, dark = x, torch.zeros_like(x)
    change = generate(bright, mask, generator(1))[0] - generate(dark, mask, generator(1))[0]  # (1 - g) x in the label
    label = generate(x, mask, generator(1))[1]
    opacity = 1 - (change * label).sum((1, 2, 3)) / (x * label).sum((1, 2, 3))
    assert opacity.min() >= 0.2 - 1e-4
    assert opacity.max() <= 1 + 1e-4
    assert float(opacity.mean()) == pytest.approx(0.6, abs=0.05)
    assert float(opacity.std()) == pytest.approx(0.8 / 12**0.5, abs=0.03)


def test_shapes_are_connected_patches_not_single_pixels():
    x, mask = batch(100)
    _, label = DraemAnomaly(probability=1.0, area=(0.1, 0.1))(x, mask, generator(1))
    neighbours = label[..., 1:] * label[..., :-1]
    assert neighbours.sum() / label.sum() > 0.6  # 0.1 for scattered pixels
