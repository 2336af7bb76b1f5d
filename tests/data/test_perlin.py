import math

import pytest
import torch

from pseudohealthy.data.perlin import perlin_noise


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def fade(t):
    return 6 * t**5 - 15 * t**4 + 10 * t**3


def lerp(a, b, t):
    return a + t * (b - a)


def textbook(size_y, size_x, cells_y, cells_x, angle):
    """Perlin noise one pixel at a time: interpolate between the dot products of the cell's four corners."""
    noise = torch.empty(size_y, size_x)
    for row in range(size_y):
        for column in range(size_x):
            v, u = (row + 0.5) / size_y * cells_y, (column + 0.5) / size_x * cells_x
            i, j = int(v), int(u)
            corner = {
                (a, b): math.sin(angle[i + a, j + b]) * (v - i - a) + math.cos(angle[i + a, j + b]) * (u - j - b)
                for a in (0, 1)
                for b in (0, 1)
            }
            upper = lerp(corner[0, 0], corner[0, 1], fade(u - j))
            lower = lerp(corner[1, 0], corner[1, 1], fade(u - j))
            noise[row, column] = 2**0.5 * lerp(upper, lower, fade(v - i))
    return noise


def test_each_map_equals_the_textbook_at_its_own_resolution():
    resolution = torch.tensor([[1, 1], [4, 2], [2, 8]])
    noise = perlin_noise(3, 13, 10, resolution, generator(3))
    angles = 2 * torch.pi * torch.rand(3, 9, 9, generator=generator(3))
    assert noise.shape == (3, 1, 13, 10)
    for found, (cells_y, cells_x), angle in zip(noise, resolution.tolist(), angles, strict=True):
        torch.testing.assert_close(found[0], textbook(13, 10, cells_y, cells_x, angle), atol=2e-6, rtol=0)


def test_noise_is_zero_at_the_nodes_of_the_lattice():
    noise = perlin_noise(5, 9, 9, torch.full((5, 2), 6), generator())  # pixel 1, 4, 7 lie on nodes 1, 3, 5
    torch.testing.assert_close(noise[..., 1::3, 1::3], torch.zeros(5, 1, 3, 3), atol=1e-6, rtol=0)
    assert noise.abs().amax() > 0.1


@pytest.mark.parametrize("cells", [1, 8, 32])
def test_values_lie_in_one_to_minus_one_around_zero(cells):
    noise = perlin_noise(40, 64, 64, torch.full((40, 2), cells), generator(1))
    assert noise.abs().amax() <= 1
    assert abs(noise.mean()) < 0.1
    assert noise.std() > 0.15
