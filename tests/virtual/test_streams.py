import numpy as np

from pseudohealthy.virtual.streams import stream, subject_seed


def test_a_stream_repeats_itself():
    assert np.array_equal(stream(3, "noise").random(5), stream(3, "noise").random(5))


def test_purposes_and_seeds_are_independent():
    draws = [stream(s, purpose).standard_normal(4000) for s in (0, 1) for purpose in ("anatomy", "noise", "nois")]
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


def test_every_subject_of_every_cohort_is_somebody_else():
    seeds = {subject_seed(cohort, index) for cohort in range(4) for index in range(500)}
    assert len(seeds) == 2000


def test_a_subject_does_not_depend_on_those_before():
    assert [subject_seed(7, index) for index in (5, 2)] == [subject_seed(7, index) for index in range(6)][::-3]
