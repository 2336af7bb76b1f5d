import itertools

import numpy as np
import pytest
from scipy import stats

from pseudohealthy.evaluate import permutation
from pseudohealthy.evaluate.permutation import holm, sign_flip_p


@pytest.mark.parametrize("n", [5, 6, 7, 8])
def test_few_persons_are_counted_exactly(n):
    values = np.random.default_rng(n).normal(0.3, 1, n)
    means = [np.mean(values * signs) for signs in itertools.product((1, -1), repeat=n)]
    assert sign_flip_p(values, 0) == np.mean(np.array(means) >= values.mean() - 1e-12)


@pytest.mark.parametrize("n", [9, 12, 16])
def test_it_is_scipys_exact_test(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    other = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
    )
    assert sign_flip_p(values, 0) == pytest.approx(other.pvalue, abs=1e-12)


def test_many_persons_are_drawn_and_agree_with_the_whole_count(monkeypatch):
    values = np.random.default_rng(3).normal(0.3, 1, 16)
    exact = sign_flip_p(values, 0)
    monkeypatch.setattr(permutation, "EXACT_UP_TO", 15)
    drawn = sign_flip_p(values, 0)
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / permutation.DRAWS))
    assert drawn != exact
    assert drawn == sign_flip_p(values, 0) != sign_flip_p(values, 1)


def test_ties_count_as_at_least_as_high_and_the_order_of_persons_does_not_matter():
    assert sign_flip_p([0.1, 0.2, 0.3], 0) == 1 / 8  # 0.1 + 0.2 is not 0.3 in floating point
    assert sign_flip_p([0.3, 0.1, 0.2, -0.3, -0.2, -0.1], 0) == sign_flip_p([-0.1, 0.1, -0.2, 0.2, -0.3, 0.3], 0) > 0.5
    assert sign_flip_p([0.0] * 12, 0) == 1
    assert sign_flip_p([0.0] * 40, 0) == 1


def test_the_smallest_p_is_that_of_one_pattern_and_never_zero():
    assert sign_flip_p(np.full(12, 0.5), 0) == 2.0**-12
    assert sign_flip_p(np.full(40, 0.5), 0) == 1 / 100_001
    with pytest.raises(ValueError, match="no differences"):
        sign_flip_p([], 0)


def test_holm_by_hand():
    # sorted .01 .02 .03 .04: times 4, 3, 2, 1 are .04 .06 .06 .04; none may fall below the one before
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]


def test_a_claim_without_p_does_not_count_in_the_family():
    assert holm([None, 0.02, None, 0.04]) == [None, 0.04, None, 0.04]
    assert holm([None]) == [None]
    assert holm([]) == []
