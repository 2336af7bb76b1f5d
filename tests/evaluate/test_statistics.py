import numpy as np
import pytest
from scipy import stats

from pseudohealthy.evaluate.statistics import (
    ScanScores,
    bootstrap_auroc,
    bootstrap_mean,
    bootstrap_median,
    paired_difference,
)


def test_mean_and_interval_of_many_subjects_agree_with_student():
    values = np.random.default_rng(0).normal(0.5, 0.1, 200)
    estimate = bootstrap_mean(values.tolist(), range(200), seed=1)
    low, high = stats.t.interval(0.95, 199, values.mean(), stats.sem(values))
    assert estimate.mean == pytest.approx(values.mean())
    assert estimate.interval == pytest.approx((low, high), abs=0.001)
    assert estimate.subjects == 200


@pytest.mark.parametrize(
    ("n", "draw"),
    [(2, "normal"), (3, "normal"), (5, "normal"), (6, "normal"), (16, "normal"), (16, "skewed"), (60, "skewed")],
)
def test_interval_covers_the_truth_about_as_often_as_it_says(n, draw):
    rng = np.random.default_rng(n)
    trials = 600
    samples = rng.normal(0.3, 1, (trials, n)) if draw == "normal" else rng.exponential(1, (trials, n))
    truth = 0.3 if draw == "normal" else 1.0
    covered = sum(
        low <= truth <= high for low, high in (bootstrap_mean(s.tolist(), range(n), 0).interval for s in samples)
    )
    # Monte Carlo error 3 x .009; the mean of a skewed sample is known to be undercovered by every plain interval.
    assert (0.92 if draw == "normal" else 0.88) < covered / trials < 0.98


def test_scans_of_one_subject_are_averaged_first():
    values, subjects = [0.0, 1.0, 1.0, 1.0, 0.5], ["a", "b", "b", "b", "c"]
    once = bootstrap_mean([0.0, 1.0, 0.5], ["a", "b", "c"], seed=0)
    assert bootstrap_mean(values, subjects, seed=0) == once
    assert once.mean == pytest.approx(0.5)


def test_undefined_values_are_dropped_and_one_subject_has_no_interval():
    estimate = bootstrap_mean([None, 0.4, None, 0.6], ["a", "b", "b", "b"], seed=0)
    assert (estimate.mean, estimate.interval, estimate.subjects) == (pytest.approx(0.5), None, 1)
    nothing = bootstrap_mean([None, None], ["a", "b"], seed=0)
    assert (nothing.mean, nothing.interval, nothing.subjects) == (None, None, 0)


def test_equal_values_have_an_interval_of_no_width_and_it_never_leaves_the_data():
    assert bootstrap_mean([0.3] * 7, range(7), seed=0).interval == (0.3, 0.3)
    values = [0.2, 0.9, 0.2, 0.2, 0.2, 0.9]
    low, high = bootstrap_mean(values, range(6), seed=0).interval
    assert min(values) <= low < high <= max(values)


def test_of_fewer_than_six_the_interval_is_students_and_can_be_kept_to_a_range():
    values = [0.2, 0.9, 0.4]
    few = bootstrap_mean(values, range(3), seed=0)
    assert few.interval == pytest.approx(stats.t.interval(0.95, 2, np.mean(values), stats.sem(values)))
    assert few.within(0.0, 1.0).interval == (0.0, 1.0)
    assert few.within(-9.0).interval == few.interval


def test_the_seed_decides():
    values = np.random.default_rng(0).random(12).tolist()
    assert bootstrap_mean(values, range(12), 3) == bootstrap_mean(values, range(12), 3)
    assert bootstrap_mean(values, range(12), 3) != bootstrap_mean(values, range(12), 4)


def test_pairing_finds_a_small_effect_that_the_spread_of_subjects_hides():
    rng = np.random.default_rng(2)
    difficulty = rng.uniform(0, 0.8, 16)
    second = difficulty + rng.normal(0, 0.02, 16)
    first = difficulty + 0.05 + rng.normal(0, 0.02, 16)
    estimate = paired_difference(first.tolist(), second.tolist(), range(16), seed=0)
    assert estimate.low > 0
    assert estimate.low < 0.05 < estimate.high
    assert bootstrap_mean(first.tolist(), range(16), 0).low < bootstrap_mean(second.tolist(), range(16), 0).high


def test_no_effect_is_found_about_as_rarely_as_it_should_be():
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(400):
        first, second = rng.normal(size=(2, 16))
        low, high = paired_difference(first.tolist(), second.tolist(), range(16), 0).interval
        found += low > 0 or high < 0
    assert found / 400 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_pairs_with_an_undefined_half_are_dropped():
    estimate = paired_difference([0.5, None, 0.9], [0.1, 0.2, None], ["a", "b", "c"], seed=0)
    assert (estimate.mean, estimate.subjects) == (pytest.approx(0.4), 1)


def test_sequences_of_different_length_are_refused():
    with pytest.raises(ValueError, match="zip"):
        bootstrap_mean([0.1], ["a", "b"], 0)
    with pytest.raises(ValueError, match="zip"):
        paired_difference([0.1], [0.1, 0.2], ["a", "b"], 0)


def scored(values, subjects, models=None):
    """Scores of scans; of one model where none is named."""
    return ScanScores(list(values), list(subjects), [""] * len(values) if models is None else list(models))


def test_auroc_over_scans_has_the_hand_counted_area_and_an_interval_around_it():
    diseased, healthy = [4.0, 3.0, 1.0, 0.0, 6.0, 2.0], [0.0, 1.0, 0.5, 3.5]
    wins = sum((a > b) + 0.5 * (a == b) for a in diseased for b in healthy)
    estimate = bootstrap_auroc(scored(diseased, range(6)), scored(healthy, range(4)), seed=0)
    assert estimate.mean == pytest.approx(wins / 24)
    assert 0 <= estimate.low < estimate.mean < estimate.high <= 1
    assert estimate.subjects == 6


def test_auroc_interval_resamples_subjects_not_scans():
    rng = np.random.default_rng(0)
    subject_ml, healthy = rng.normal(1, 1, 8), scored(rng.normal(0, 1, 10), range(10))
    alone = bootstrap_auroc(scored(subject_ml, range(8)), healthy, seed=0)
    repeated = bootstrap_auroc(scored(np.repeat(subject_ml, 3), np.repeat(range(8), 3)), healthy, seed=0)
    assert repeated.mean == pytest.approx(alone.mean)
    assert repeated.interval == pytest.approx(alone.interval)


def test_auroc_without_a_group_is_undefined_and_with_one_subject_has_no_interval():
    assert bootstrap_auroc(scored([], []), scored([1.0], "a"), 0).mean is None
    assert bootstrap_auroc(scored([1.0], "a"), scored([], []), 0).mean is None
    lonely = bootstrap_auroc(scored([1.0, 2.0], "aa"), scored([0.0, 3.0], "bc"), 0)
    assert (lonely.mean, lonely.interval) == (0.5, None)
    perfect = bootstrap_auroc(scored([5.0, 6.0, 7.0], "abc"), scored([0.0, 1.0], "de"), 0)
    assert perfect.interval == (1.0, 1.0)


def test_in_an_auroc_a_person_counts_once_however_often_scanned():
    found = bootstrap_auroc(scored([2.0] * 9 + [0.0], "aaaaaaaaab"), scored([1.0, 1.0], "cd"), 0)
    assert found.mean == pytest.approx(0.5)


def test_an_auroc_compares_scans_that_one_model_has_scored():
    ill, well = (30.0, 20.0, 0.3, 0.2), (10.0, 0.1)  # the second model's threshold is high
    pooled = bootstrap_auroc(scored(ill, "abcd"), scored(well, "ef"), 0)
    each = bootstrap_auroc(scored(ill, "abcd", "1122"), scored(well, "ef", "12"), 0)
    assert (pooled.mean, each.mean, each.interval) == (0.75, 1.0, (1.0, 1.0))
    assert bootstrap_auroc(scored([1.0], "a", "1"), scored([0.0], "b", "2"), 0).mean is None


def test_auroc_of_the_same_people_ill_and_healthy_draws_each_in_both_at_once():
    rng = np.random.default_rng(0)
    person = rng.normal(size=16)  # what a scan of theirs scores anyhow
    ill, well = person + 0.2, person + 0.01 * rng.normal(size=16)
    same = bootstrap_auroc(scored(ill, range(16)), scored(well, range(16)), 0)
    others = bootstrap_auroc(scored(ill, range(16)), scored(well, range(16, 32)), 0)
    assert same.mean == others.mean
    assert same.high - same.low < 0.6 * (others.high - others.low)
    drawn = rng.integers(16, size=(4000, 16))
    wins = (ill[:, None] > well[None, :]).astype(float)
    areas = [wins[np.ix_(one, one)].mean() for one in drawn]
    tail = stats.norm.cdf(-np.sqrt(16 / 15) * stats.t.ppf(0.975, 15))
    assert same.interval == pytest.approx(np.quantile(areas, [tail, 1 - tail]), abs=0.015)


@pytest.mark.parametrize("n", [7, 8])
def test_the_interval_of_a_median_is_that_of_resampled_medians(n):
    values = np.random.default_rng(n).exponential(1, n)
    estimate = bootstrap_median(values.tolist(), range(n), seed=0)
    assert estimate.mean == pytest.approx(np.median(values))
    medians = np.median(np.random.default_rng(1).choice(values, (40_000, n)), axis=1)
    tail = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    # a resampled median is one of few values, so its quantiles are those of the data
    assert estimate.interval == pytest.approx(np.quantile(medians, [tail, 1 - tail]), abs=1e-9)


def test_a_median_of_one_subject_has_no_interval_and_of_none_no_value():
    assert bootstrap_median([0.1, 0.3, None], ["a", "a", "b"], 0).mean == pytest.approx(0.2)
    assert bootstrap_median([0.1], ["a"], 0).interval is None


def test_a_median_of_five_subjects_has_no_interval_and_of_six_has():
    assert bootstrap_median(range(5), range(5), 0).interval is None
    assert bootstrap_median(range(6), range(6), 0).interval is not None
    assert bootstrap_median([None], ["a"], 0).mean is None
