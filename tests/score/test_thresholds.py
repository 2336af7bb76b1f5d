import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from pseudohealthy.config import CalibrationSettings
from pseudohealthy.errors import CohortError, ConfigError
from pseudohealthy.score.metrics import dice
from pseudohealthy.score.thresholds import (
    Threshold,
    given_threshold,
    healthy_threshold,
    lesion_threshold,
    lowest_threshold,
)

SETTINGS = CalibrationSettings()


@pytest.mark.parametrize("max_ml", [0.0, 0.05, 1.0])
def test_lowest_threshold_leaves_at_most_the_volume_and_any_lower_one_more(max_ml):
    rng = np.random.default_rng(0)
    score = np.round(rng.random((30, 20, 20)), 3).astype(np.float32)
    mask = rng.random(score.shape) < 0.7
    found = lowest_threshold(score, mask, voxel_ml=0.008, max_ml=max_ml)
    assert np.count_nonzero(score[mask] > found) * 0.008 <= max_ml + 1e-9
    lower = float(score[mask][score[mask] < found].max())
    assert np.count_nonzero(score[mask] > lower) * 0.008 > max_ml


def test_the_volume_may_be_filled_exactly_whatever_the_last_bit_of_the_voxel_says():
    score = np.arange(2000.0)
    mask = np.ones(2000, dtype=bool)
    for voxel_ml in (0.001, np.nextafter(0.001, 1), np.nextafter(0.001, 0)):
        assert lowest_threshold(score, mask, voxel_ml, 1.0) == 999


def test_flat_and_tiny_brains_have_a_threshold_with_nothing_above_too_much():
    mask = np.ones((10, 10, 10), dtype=bool)
    assert lowest_threshold(np.full(mask.shape, 0.4), mask, 0.008, 1.0) == 0.4
    assert lowest_threshold(np.linspace(0.1, 1, 1000).reshape(mask.shape), mask, 0.0001, 1.0) == 0.1


@pytest.mark.parametrize(("values", "mask"), [([0.1, np.nan], [True, True]), ([0.1, 0.2], [False, False])])
def test_scores_that_cannot_be_ranked_are_refused(values, mask):
    with pytest.raises(ValueError, match="finite scores"):
        lowest_threshold(np.array(values), np.array(mask), 0.008, 1.0)


@pytest.mark.parametrize(("n", "k"), [(9, 9), (10, 10), (18, 18), (19, 18), (24, 23), (99, 90)])
def test_stored_is_the_conformal_order_statistic(n, k):
    per_scan = np.random.default_rng(n).permutation(np.arange(1, n + 1) / 1000)
    threshold = healthy_threshold(per_scan.tolist(), SETTINGS)
    assert threshold.value == pytest.approx(k / 1000)
    assert threshold.risk == pytest.approx(1 - k / (n + 1))
    assert threshold.risk <= 0.1 + 1e-12
    assert threshold.statement == f"n = {n}: at most 10 % chance that a new healthy scan has more than 1 ml above it"
    assert list(threshold.per_scan) == sorted(per_scan)


@pytest.mark.parametrize(("n", "percent"), [(1, "50 %"), (4, "20 %"), (8, "11.1 %")])
def test_few_scans_give_the_maximum_and_say_that_nothing_is_promised_below(n, percent):
    per_scan = [0.1 + 0.01 * i for i in range(n)]
    threshold = healthy_threshold(per_scan, SETTINGS)
    assert threshold.value == max(per_scan)
    assert threshold.statement.startswith(f"n = {n}: no guarantee below {percent}")
    assert threshold.risk == pytest.approx(1 / (n + 1))


def test_no_healthy_scan_is_refused_and_a_saturated_score_is_said():
    with pytest.raises(CohortError, match="no healthy scan"):
        healthy_threshold([], SETTINGS)
    assert "nothing can lie above" in healthy_threshold([0.2] + [1.0] * 9, SETTINGS).statement
    assert "nothing can lie above" not in healthy_threshold([0.2] * 10, SETTINGS).statement


@pytest.mark.parametrize(("n", "alpha"), [(4, 0.2), (9, 0.1), (24, 0.1), (19, 0.25)])
def test_the_guarantee_holds_on_new_scans_of_the_same_kind(n, alpha):
    """Coverage over many calibrations and new scans; the score's distribution is skewed and has outliers."""
    rng = np.random.default_rng(n)
    trials, voxels = 3000, 60
    heads = rng.lognormal(-2, 0.6, (trials, n + 1, 1)) * rng.random((trials, n + 1, voxels)) ** 3
    settings = CalibrationSettings(max_healthy_ml=0.04, alpha=alpha)
    everywhere = np.ones(voxels, dtype=bool)
    exceeded = 0
    for scans in heads:
        lowest = [float(np.sort(scan)[-6]) for scan in scans[:n]]  # room for 5 voxels of 0.008 ml
        exceeded += np.count_nonzero(scans[n] > healthy_threshold(lowest, settings).value) * 0.008 > 0.04
    assert lowest[0] == lowest_threshold(scans[0], everywhere, 0.008, 0.04)
    margin = 3 * math.sqrt(alpha * (1 - alpha) / trials)
    assert exceeded / trials <= alpha + margin
    assert exceeded / trials >= alpha - 1 / (n + 1) - margin  # and it is not wastefully high


def annotated(level: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lesion = np.zeros((16, 16, 16), dtype=bool)
    lesion[4:8, 4:8, 4:8] = True
    score = np.clip(rng.normal(np.where(lesion, level, 0.2), 0.08), 0, 1).astype(np.float32)
    return score, lesion, np.ones(lesion.shape, dtype=bool)


def test_lesion_threshold_is_the_best_mean_dice_of_a_search_by_hand():
    rng = np.random.default_rng(3)
    scores, lesions, masks = zip(*[annotated(level, rng) for level in (0.4, 0.6, 0.7)], strict=True)
    threshold = lesion_threshold(scores, lesions, masks)
    tried = [
        np.mean([dice(s > t, lesion) for s, lesion in zip(scores, lesions, strict=True)])
        for t in np.linspace(0, 0.999, 500)
    ]
    at_value = np.mean([dice(s > threshold.value, lesion) for s, lesion in zip(scores, lesions, strict=True)])
    assert threshold.mean_dice == pytest.approx(at_value, abs=1e-12)
    assert threshold.mean_dice >= max(tried) - 1e-12
    assert (threshold.n, threshold.policy) == (3, "lesion")
    assert threshold.statement.startswith("n = 3: best mean Dice")


def test_perfectly_separated_scores_are_cut_in_the_middle_of_the_gap():
    lesion = np.zeros((8, 8, 8), dtype=bool)
    lesion[:2] = True
    score = np.where(lesion, 0.8, 0.4)
    threshold = lesion_threshold([score], [lesion], [np.ones_like(lesion)])
    assert threshold.mean_dice == 1
    assert 0.5 < threshold.value < 0.7


def test_scores_crowded_against_one_are_still_separated():
    lesion = np.zeros((8, 8, 8), dtype=bool)
    lesion[:2] = True
    score = np.where(lesion, 0.99995, 0.9995)
    assert lesion_threshold([score], [lesion], [np.ones_like(lesion)]).mean_dice == 1


def test_cases_without_a_lesion_in_the_brain_do_not_count_and_none_at_all_is_refused():
    score, lesion, mask = annotated(0.8, np.random.default_rng(0))
    empty = np.zeros_like(lesion)
    assert lesion_threshold([score, score], [lesion, empty], [mask, mask]).n == 1
    with pytest.raises(CohortError, match="no scan with a lesion mask"):
        lesion_threshold([score, score], [empty, lesion], [mask, ~mask & ~lesion])


def test_a_given_threshold_promises_nothing_and_must_leave_room_above():
    assert given_threshold(0.37).value == 0.37
    assert "no guarantee" in given_threshold(0.37).statement
    for wrong in (1.0, -0.1, math.nan):
        with pytest.raises(ConfigError, match="threshold: found"):
            given_threshold(wrong)


def test_a_threshold_survives_json():
    threshold = healthy_threshold([0.123456789012345, 0.1], SETTINGS)
    assert Threshold.from_dict(json.loads(json.dumps(asdict(threshold), allow_nan=False))) == threshold
