import torch

from pseudohealthy.data.patches import eroded
from pseudohealthy.data.pii import PiiAnomaly, mixed_differences
from pseudohealthy.data.poisson import differences, divergence, poisson_blend


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def laplacian(x):
    return divergence(*differences(x))


def slices(seed=0, size=(96, 80)):
    """Two slices, smooth enough that no blend leaves [0, 1.5]."""
    noise = torch.rand(2, 1, *size, generator=generator(seed))
    return 0.6 + 0.2 * torch.nn.functional.avg_pool2d(noise, 5, stride=1, padding=2, count_include_pad=False)


def test_the_laplacian_is_the_sum_of_four_neighbours_minus_four_times_the_pixel():
    x = torch.rand(3, 1, 9, 8, generator=generator(), dtype=torch.float64)
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=torch.float64).view(1, 1, 3, 3)
    torch.testing.assert_close(laplacian(x)[..., 1:-1, 1:-1], torch.nn.functional.conv2d(x, kernel))


def test_the_blend_solves_the_linear_system():
    x, region = torch.rand(1, 1, 12, 11, generator=generator()), torch.zeros(1, 1, 12, 11, dtype=torch.bool)
    region[..., 2:9, 3:8], region[..., 4, 5] = True, False  # a hole
    wanted = torch.rand(1, 1, 12, 11, generator=generator(1))
    pixels = region.flatten().nonzero()[:, 0].tolist()
    system, right = torch.zeros(len(pixels), len(pixels), dtype=torch.float64), torch.zeros(len(pixels)).double()
    for row, p in enumerate(pixels):
        system[row, row] = -4
        right[row] = wanted.flatten()[p]
        for q in (p - 1, p + 1, p - 11, p + 11):
            if q in pixels:
                system[row, pixels.index(q)] = 1
            else:
                right[row] -= x.flatten()[q]
    expected = x.clone()
    expected[region] = torch.linalg.solve(system, right).float()
    blended = poisson_blend(x, wanted, region, iterations=60)
    torch.testing.assert_close(blended, expected, atol=1e-5, rtol=0)
    assert torch.equal(blended[~region], x[~region])


def test_inside_the_mask_the_blend_has_the_laplacian_of_its_guidance():
    mask = torch.ones(2, 1, 96, 80, dtype=torch.bool)
    for seed in range(5):
        x = slices(seed)
        painted, label = PiiAnomaly(probability=1.0)(x, mask, generator(seed))
        factor = label.amax((2, 3), keepdim=True)
        wanted = divergence(*mixed_differences(x, x.flip(0), factor))
        region = label > 0
        assert region.sum((1, 2, 3)).min() > 0
        assert (laplacian(painted) - wanted)[region].abs().max() < 1e-3
        assert torch.equal(painted[~region], x[~region])


def test_the_guidance_is_the_larger_of_the_weighted_differences():
    x = torch.tensor([[0.0, 1.0, 1.0, 0.5]]).view(1, 1, 1, 4)
    other = torch.tensor([[0.0, 0.5, 3.0, 3.0]]).view(1, 1, 1, 4)
    _, along_x = mixed_differences(x, other, torch.full((1, 1, 1, 1), 0.25))
    torch.testing.assert_close(along_x.flatten(), torch.tensor([0.75, 0.625, -0.375]))  # .75 * 1, .25 * 2.5, .75 * -.5


def test_a_patch_of_factor_one_has_the_foreign_texture_and_no_edge():
    x = slices()
    x[1] = x[1] - 0.3  # a foreign slice of another brightness
    mask = torch.ones_like(x, dtype=torch.bool)
    painted, label = PiiAnomaly(probability=1.0, factor=(1.0, 1.0), width=(0.3, 0.3))(x, mask, generator())
    region = label[:1] > 0
    torch.testing.assert_close(laplacian(painted)[:1][region], laplacian(x)[1:][region], atol=1e-3, rtol=0)
    pasted = torch.where(region, x[1:], x[:1])
    rim = region & ~eroded(region)
    jump, seam = ((laplacian(each) - laplacian(x[:1]))[rim].abs().mean() for each in (pasted, painted[:1]))
    assert seam < 0.3 * jump


def test_a_patch_keeps_away_from_the_edge_of_the_brain():
    mask = torch.zeros(2, 1, 60, 50, dtype=torch.bool)
    mask[..., 10:45, 8:40] = True
    x = slices(size=(60, 50)) * mask
    _, label = PiiAnomaly(probability=1.0, width=(0.9, 0.9))(x, mask, generator(1))
    assert (label[~eroded(mask)] == 0).all()
    assert (label > 0).any()
