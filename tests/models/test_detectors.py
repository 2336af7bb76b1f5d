import numpy as np
import pytest
import torch

from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.models.population import SMALLEST_SD, Population

RNG = torch.Generator()


@pytest.fixture
def healthy() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (0.6 + 0.1 * rng.standard_normal((40, 8, 12, 10))).astype(np.float32)


def test_population_is_the_mean_and_sd_of_scans_and_their_mirror_images(healthy):
    population = Population.of(healthy)
    both = np.concatenate([healthy, healthy[..., ::-1]])
    assert np.allclose(population.mean, both.mean(axis=0), atol=1e-6)
    assert population.sd.mean() == pytest.approx(0.1, rel=0.05)
    assert population.n == 40
    assert np.allclose(population.mean, population.mean[..., ::-1])


def test_population_of_equal_scans_has_the_smallest_sd():
    population = Population.of(np.full((3, 4, 4, 4), 0.5, np.float32))
    assert np.allclose(population.sd, SMALLEST_SD)


@pytest.mark.parametrize(("name", "dark", "bright"), [("zmap", True, True), ("zmap_dark", True, False)])
def test_zmap_finds_deviations_of_the_signs_it_looks_for(healthy, name, dark, bright):
    detector = DETECTORS[name](Population.of(healthy))
    mask = np.ones((8, 12, 10), bool)
    for sign, found in ((-1, dark), (1, bright)):
        x = np.full(mask.shape, 0.6, np.float32)
        x[3:6, 4:8, 3:7] += sign * 0.5
        score = detector.map(x, mask, RNG)
        assert (score[4, 5, 4] > 5 * score[0, 0, 0] + 0.1) == found
        assert score.min() >= 0
        assert score.max() <= 1


def test_zmaps_are_zero_outside_the_mask(healthy):
    mask = np.zeros((8, 12, 10), bool)
    mask[2:6, 2:9, 2:8] = True
    for name in ("zmap", "zmap_dark"):
        score = DETECTORS[name](Population.of(healthy)).map(np.zeros(mask.shape, np.float32), mask, RNG)
        assert not score[~mask].any()
        assert score.dtype == np.float32


def test_constant_is_constant(healthy):
    mask = np.ones((8, 12, 10), bool)
    score = DETECTORS["constant"](Population.of(healthy)).map(healthy[0], mask, RNG)
    assert np.unique(score).tolist() == [0.5]


@pytest.mark.parametrize(("name", "expected"), [("threshold", [0.0, 0.4, 1.0]), ("threshold_dark", [1.0, 0.6, 0.0])])
def test_threshold_is_intensity_itself_or_its_opposite(name, expected, healthy):
    x, mask = np.array([[[0.0, 0.6, 1.5, 0.9]]], np.float32), np.array([[[True, True, True, False]]])
    score = DETECTORS[name](Population.of(healthy)).map(x, mask, RNG)
    assert score.ravel() == pytest.approx([*expected, 0.0])
