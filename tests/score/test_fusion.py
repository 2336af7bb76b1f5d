import numpy as np
import pytest

from pseudohealthy.score.fusion import anomaly_score

RAW = np.array([[[-0.1, 0.4, 1.7]]], dtype=np.float32)
PROBABILITY = np.array([[[1.0, 0.2, 0.5]]], dtype=np.float32)


@pytest.mark.parametrize(
    ("beta", "expected"),
    [(0.5, [0.5, 0.3, 0.75]), (1.0, [0.0, 0.4, 1.0]), (0.0, [1.0, 0.2, 0.5]), (0.1, [0.9, 0.22, 0.55])],
)
def test_weighted_mean_of_the_clipped_map_and_the_probability(beta, expected):
    score = anomaly_score(RAW, PROBABILITY, beta)
    assert score.dtype == np.float32
    assert score.ravel() == pytest.approx(expected, abs=1e-6)


def test_without_a_segmenter_the_score_is_the_clipped_map_whatever_beta():
    for beta in (0.0, 0.5, 1.0):
        assert anomaly_score(RAW, None, beta).ravel() == pytest.approx([0.0, 0.4, 1.0])


def test_half_and_half_ranks_voxels_as_the_sum_does_and_stays_in_the_unit_interval():
    rng = np.random.default_rng(0)
    raw, probability = rng.uniform(0, 2, (6, 6, 6)), rng.uniform(0, 1, (6, 6, 6))
    score = anomaly_score(raw, probability, 0.5)
    paper = np.clip(raw, 0, 1) + probability
    order = np.argsort(paper.ravel())
    assert (np.diff(score.ravel()[order]) >= -1e-6).all()
    assert score.min() >= 0
    assert score.max() <= 1
