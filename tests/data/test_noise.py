"""The package `opensimplex` is the independent implementation that every value is compared with."""

import numpy as np
import opensimplex
import pytest
import torch

from pseudohealthy.data.noise import NOISES, gaussian_noise, opensimplex_2d, permutation, simplex_noise

SEEDS = [0, 1, -7, 2**31, 1234567890123456789, 2**63 - 1, -(2**63)]


def oracle(seed, x, y):
    simplex = opensimplex.OpenSimplex(seed)
    return np.array([simplex.noise2(a, b) for a, b in zip(x, y, strict=True)])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_permutation_is_that_of_the_package(seed):
    np.testing.assert_array_equal(permutation(seed).numpy(), opensimplex.OpenSimplex(seed)._perm)


def test_permutations_of_many_seeds_are_made_at_once():
    seeds = torch.tensor(SEEDS[:6]).view(2, 3)
    tables = permutation(seeds)
    assert tables.shape == (2, 3, 256)
    assert torch.equal(tables[1, 2], permutation(int(seeds[1, 2])))
    assert torch.equal(tables.sort(-1).values, torch.arange(256).expand(2, 3, 256))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_point_equals_the_package_in_double_precision(seed):
    x, y = np.random.default_rng(1).uniform(-300, 300, (2, 400))
    noise = opensimplex_2d(torch.tensor(x), torch.tensor(y), permutation(seed))
    assert noise.dtype == torch.float64
    np.testing.assert_allclose(noise.numpy(), oracle(seed, x, y), rtol=0, atol=1e-12)


def test_single_precision_is_within_1e_5():
    x, y = np.random.default_rng(2).uniform(-40, 40, (2, 1500)).astype(np.float32)
    noise = opensimplex_2d(torch.tensor(x), torch.tensor(y), permutation(3))
    assert noise.dtype == torch.float32
    np.testing.assert_allclose(noise.numpy(), oracle(3, x.astype(float), y.astype(float)), rtol=0, atol=1e-5)


def test_points_on_cell_borders_and_lattice_vertices_equal_the_package():
    squish = (3**0.5 - 1) / 2
    i, j = np.meshgrid(np.arange(-4, 5), np.arange(-4, 5))
    i, j = np.concatenate((i, i + 0.5, i)), np.concatenate((j, j, j + 0.5))  # vertices and the edges' middles
    x, y = (i + (i + j) * squish).ravel(), (j + (i + j) * squish).ravel()
    noise = opensimplex_2d(torch.tensor(x), torch.tensor(y), permutation(5)).numpy()
    np.testing.assert_allclose(noise, oracle(5, x, y), rtol=0, atol=1e-12)
    np.testing.assert_allclose(noise[:81], 0, atol=1e-12)  # a vertex does not reach the other vertices


def test_maps_and_points_keep_their_shapes():
    x, y = torch.rand(2, 4, 5, generator=generator())
    noise = opensimplex_2d(x, y, permutation(torch.tensor([[1, 2, 3]])))
    assert noise.shape == (1, 3, 4, 5)
    assert torch.equal(noise[0, 1], opensimplex_2d(x, y, permutation(2)))


@pytest.mark.parametrize(("octaves", "persistence", "frequency"), [(6, 0.8, 64.0), (3, 0.5, 20.0)])
def test_simplex_noise_is_the_raw_sum_of_octaves(octaves, persistence, frequency):
    noise = simplex_noise(2, 11, 9, generator(4), octaves=octaves, persistence=persistence, frequency=frequency)
    limits = torch.iinfo(torch.int64)
    seeds = torch.randint(limits.min, limits.max, (2,), generator=generator(4))
    for seed, found in zip(seeds.tolist(), noise[:, 0].numpy(), strict=True):
        simplex = opensimplex.OpenSimplex(seed)
        expected = sum(
            persistence**i
            * simplex.noise2array(np.arange(9) / (frequency / 2**i), np.arange(11) / (frequency / 2**i))  # (y, x)
            for i in range(octaves)
        )
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_simplex_noise_has_the_statistics_of_the_specification():
    noise = simplex_noise(256, 96, 80, generator(1))
    assert noise.shape == (256, 1, 96, 80)
    assert noise.dtype == torch.float32
    assert 0.53 < noise.std() < 0.63
    means = noise.mean((1, 2, 3))
    assert 0.15 < means.std() < 0.35  # not normalised: maps differ in their mean
    assert (means.abs() < 0.4).float().mean() > 0.85
    assert (noise[1:] - noise[:-1]).abs().amax((1, 2, 3)).min() > 0.5  # one map a sample


def test_gaussian_noise_is_white_with_unit_variance():
    noise = gaussian_noise(20, 96, 80, generator(1))
    assert noise.shape == (20, 1, 96, 80)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert abs((noise[..., 1:] * noise[..., :-1]).mean()) < 0.01


@pytest.mark.parametrize("name", NOISES)
def test_noise_depends_on_its_generator_alone(name):
    make = NOISES[name]
    state = torch.get_rng_state()
    first, again, other = (make(3, 16, 12, generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert make(1, 16, 12, generator(), device="meta").device.type == "meta"
