"""Scores of all reconstructions, and the ensemble of windows, against plain numpy."""

import numpy as np
import pytest

from pseudohealthy.errors import ConfigError
from pseudohealthy.score.geometric import geometric
from pseudohealthy.score.mahalanobis import RIDGE, mahalanobis, mahalanobis_map
from pseudohealthy.score.maps import SCORES, VIEW_SCORES, anomaly_map
from pseudohealthy.score.ssim import dissimilarity, radius_voxels
from pseudohealthy.score.ssim_ensemble import ensemble_dissimilarity


@pytest.fixture
def scan() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A scan, five reconstructions that vary together within regions, and a mask."""
    rng = np.random.default_rng(0)
    mask = np.zeros((4, 12, 10), bool)
    mask[:3, 2:10, 2:8] = True
    x = rng.random(mask.shape)
    pattern = rng.standard_normal((2, *mask.shape))
    views = x + 0.1 * np.einsum("vk,kzyx->vzyx", rng.standard_normal((5, 2)), pattern)
    views += 0.05 * rng.standard_normal(views.shape)
    return x.astype(np.float32), views.astype(np.float32), mask


def test_mahalanobis_is_that_of_the_inverted_covariance_of_each_slice(scan):
    x, views, mask = scan
    found = mahalanobis_map(x, views, mask)
    for z in range(3):
        samples = views[:, z][:, mask[z]].astype(float)
        covariance = np.cov(samples, rowvar=False) + RIDGE * np.eye(samples.shape[1])
        difference = x[z][mask[z]] - samples.mean(axis=0)
        products = difference * (np.linalg.inv(covariance) @ difference)
        np.testing.assert_allclose(found[z][mask[z]], np.sqrt(RIDGE * np.maximum(products, 0)), atol=1e-7)
    assert not found[~mask].any()


def test_mahalanobis_of_equal_reconstructions_is_the_difference_times_the_dissimilarity(scan):
    x, views, mask = scan
    equal = np.repeat(views[:1], 3, axis=0)
    expected = np.where(mask, np.abs(x - views[0]), 0) * dissimilarity(x, views[0], mask)
    np.testing.assert_allclose(mahalanobis(x, equal, mask), expected, atol=1e-5)


def test_a_difference_that_reconstructions_disagree_about_counts_for_less(scan):
    x, _, mask = scan
    sure, unsure = np.repeat(x[None] - 0.3, 4, axis=0), np.repeat(x[None] - 0.3, 4, axis=0)
    unsure[:, 1] += np.array([0.4, -0.4, 0.4, -0.4])[:, None, None]
    assert mahalanobis_map(x, unsure, mask)[1][mask[1]].mean() < 0.5 * mahalanobis_map(x, sure, mask)[1][mask[1]].mean()


def test_mahalanobis_refuses_a_single_reconstruction(scan):
    x, views, mask = scan
    with pytest.raises(ConfigError, match=r"one reconstruction.*test_steps"):
        mahalanobis(x, views[:1], mask)


def test_geometric_is_the_geometric_mean_of_the_deviations(scan):
    x, views, mask = scan
    expected = np.prod(np.abs(x - views).astype(float) + 1e-4, axis=0) ** (1 / len(views)) - 1e-4
    np.testing.assert_allclose(geometric(x, views, mask), np.where(mask, expected, 0), atol=1e-6)


def test_the_ensemble_is_the_mean_over_its_windows(scan):
    x, views, mask = scan
    maps = [dissimilarity(x, views[0], mask, sigma) for sigma in (0.5, 1.0, 1.5, 2.0)]
    np.testing.assert_allclose(ensemble_dissimilarity(x, views[0], mask), np.mean(maps, axis=0), atol=1e-6)
    assert not np.allclose(maps[0], maps[3], atol=0.05)
    assert [2 * radius_voxels(sigma) + 1 for sigma in (0.5, 1.0, 1.5, 2.0)] == [5, 9, 11, 15]


@pytest.mark.parametrize("name", [*SCORES, *VIEW_SCORES])
def test_a_score_is_chosen_by_its_name_and_given_the_mean_or_all_views(name, scan):
    x, views, mask = scan
    found = anomaly_map(name, x, views, mask)
    given = views if name in VIEW_SCORES else views.mean(axis=0)
    np.testing.assert_array_equal(found, {**SCORES, **VIEW_SCORES}[name](x, given, mask))
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() > 0
    assert not found[~mask].any()
