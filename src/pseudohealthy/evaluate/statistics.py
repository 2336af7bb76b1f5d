"""Means with intervals over subjects: bootstrap, and Student's t where they are fewer than six.

What is resampled are subjects, never scans or voxels: several scans (or model seeds) of a subject are averaged first.
The interval is the expanded percentile interval (Hesterberg 2015, "What teachers should know about the bootstrap",
section 4.2): the plain percentile interval is too narrow by sqrt((n-1)/n) and by the difference between Student's t
and the normal distribution, which matters at the handful of subjects that a test set often has. Below six even that
falls short, because a resampled mean never leaves the range of the values: of differences that are normal and 0 on
average it would call 22, 12 and 6 % of sets of two, three and four subjects better, instead of 2.5.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 10_000
FEWEST_RESAMPLED = 6
"""Subjects from which intervals are the bootstrap's; below, a median has none."""


@dataclass(frozen=True)
class Estimate:
    """A mean over subjects.

    Attributes:
        mean: The mean, None where no value is defined.
        low: Lower end of the interval, None with fewer than two subjects.
        high: Upper end.
        subjects: Subjects with a defined value.
    """

    mean: float | None
    low: float | None
    high: float | None
    subjects: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high), or None where there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def within(self, least: float, most: float = math.inf) -> Estimate:
        """The same with an interval that keeps to the range of what is measured, as Student's t does not."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=max(self.low, least), high=min(self.high, most))


def bootstrap_mean(
    values: Sequence[float | None], subjects: Sequence[Hashable], seed: int, level: float = 0.95
) -> Estimate:
    """Mean over subjects with an interval, see above; undefined values are dropped.

    Args:
        values: One a scan.
        subjects: The scan's subject.
        seed: Seed of the resampling: the same seed and number of subjects resample alike.
        level: Nominal coverage.
    """
    means = _subject_means(values, subjects)
    count = len(means)
    if count == 0:
        return Estimate(None, None, None, 0)
    mean = math.fsum(means) / count
    if count < 2:
        return Estimate(mean, None, None, count)
    if count < FEWEST_RESAMPLED:
        reach = float(stats.t.ppf(0.5 + level / 2.0, count - 1) * means.std(ddof=1)) / math.sqrt(count)
        return Estimate(mean, mean - reach, mean + reach, count)
    tail = _tail(count, level)
    low, high = np.quantile(_resample_shares(count, seed) @ means, [tail, 1.0 - tail])
    return Estimate(mean, max(float(low), float(means.min())), min(float(high), float(means.max())), count)


def bootstrap_median(
    values: Sequence[float | None], subjects: Sequence[Hashable], seed: int, level: float = 0.95
) -> Estimate:
    """Median over subjects, each with the mean of the own scans.

    Args:
        values: One a scan; undefined values are dropped.
        subjects: The scan's subject.
        seed: Seed of the resampling.
        level: Nominal coverage.

    Returns:
        The median in the place of the mean. No interval below six subjects: resampled medians would cover half of what
        they promise.
    """
    means = np.sort(_subject_means(values, subjects))
    count = len(means)
    if count < FEWEST_RESAMPLED:
        return Estimate(float(np.median(means)) if count else None, None, None, count)
    # The k-th smallest of a resample is the first subject at whose place k have been drawn.
    drawn = np.cumsum(np.rint(_resample_shares(count, seed) * count), axis=1)
    middles = [means[np.argmax(drawn >= place, axis=1)] for place in ((count + 1) // 2, count // 2 + 1)]
    tail = _tail(count, level)
    low, high = np.quantile(np.mean(middles, axis=0), [tail, 1.0 - tail])
    return Estimate(float(np.median(means)), float(low), float(high), count)


def paired_difference(
    first: Sequence[float | None],
    second: Sequence[float | None],
    subjects: Sequence[Hashable],
    seed: int,
    level: float = 0.95,
) -> Estimate:
    """Mean of `first - second` over the same scans, with an interval over subjects.

    Args:
        first: One a scan; a pair with an undefined value is dropped.
        second: Of the same scans, in the same order.
        subjects: The scan's subject.
        seed: Seed of the resampling.
        level: Nominal coverage.
    """
    pairs = zip(first, second, strict=True)
    return bootstrap_mean([None if a is None or b is None else a - b for a, b in pairs], subjects, seed, level)


@dataclass(frozen=True)
class ScanScores:
    """Scores of a group of scans, one value a scan in each of three lists.

    Attributes:
        values: What is compared, such as the volume above the threshold.
        subjects: Who was scanned.
        models: Which model scored it: a volume above one model's threshold says nothing about another's.
    """

    values: Sequence[float]
    subjects: Sequence[Hashable]
    models: Sequence[Hashable]


def bootstrap_auroc(diseased: ScanScores, healthy: ScanScores, seed: int, level: float = 0.95) -> Estimate:
    """Area under the curve of scans of two groups, resampling subjects: who is in both groups, in both at once.

    Args:
        diseased: Scores of the diseased scans.
        healthy: Scores of the healthy scans.
        seed: Seed of the resampling.
        level: Nominal coverage.

    Returns:
        The area (ties half): the mean over the pairs of subjects whom one model has scored, each with one weight
        however many scans they have. `subjects` counts the diseased group. No interval with fewer than two subjects in
        a group. Where every diseased scan exceeds every healthy one, all resamples agree and the interval is [1, 1].
    """
    ids, healthy_ids = list(dict.fromkeys(diseased.subjects)), list(dict.fromkeys(healthy.subjects))
    same = np.array([[one == other for other in healthy.models] for one in diseased.models], np.float64)
    if not same.any():
        return Estimate(None, None, None, len(ids))
    a, b = np.asarray(diseased.values, np.float64)[:, None], np.asarray(healthy.values, np.float64)[None, :]
    scans, healthy_scans = _members(diseased.subjects, ids), _members(healthy.subjects, healthy_ids).T
    counts = scans @ same @ healthy_scans
    wins = scans @ (((a > b) + 0.5 * (a == b)) * same) @ healthy_scans / np.maximum(counts, 1.0)
    pairs = counts > 0
    area = float(wins[pairs].mean())
    if min(len(ids), len(healthy_ids)) < 2:
        return Estimate(area, None, None, len(ids))
    everyone = list(dict.fromkeys((*ids, *healthy_ids)))
    if len(everyone) < len(ids) + len(healthy_ids):
        drawn_of = _resample_shares(len(everyone), seed)
        rows = drawn_of[:, [everyone.index(one) for one in ids]]
        columns = drawn_of[:, [everyone.index(one) for one in healthy_ids]]
    else:  # another seed for the columns: groups of one size would else be resampled in step
        rows, columns = _resample_shares(len(ids), seed), _resample_shares(len(healthy_ids), seed + 1)
    drawn = np.sum((rows @ pairs) * columns, axis=1)
    areas = np.sum((rows @ wins) * columns, axis=1)[drawn > 0] / drawn[drawn > 0]
    tail = _tail(min(len(ids), len(healthy_ids)), level)
    low, high = np.clip(np.quantile(areas, [tail, 1.0 - tail]), 0.0, 1.0)
    return Estimate(area, float(low), float(high), len(ids))


def _members(subjects: Sequence[Hashable], ids: Sequence[Hashable]) -> NDArray[np.float64]:
    """(subject, scan): 1 where the scan is the subject's."""
    return np.array([[subject == one for subject in subjects] for one in ids], np.float64)


def _subject_means(values: Sequence[float | None], subjects: Sequence[Hashable]) -> NDArray[np.float64]:
    """Mean over the defined values of each subject who has any."""
    grouped: dict[Hashable, list[float]] = {}
    for value, subject in zip(values, subjects, strict=True):
        if value is not None:
            grouped.setdefault(subject, []).append(value)
    return np.array([math.fsum(group) / len(group) for group in grouped.values()])


def _tail(subjects: int, level: float) -> float:
    """Probability of each tail of the expanded percentile interval."""
    student = stats.t.ppf(0.5 + level / 2.0, subjects - 1)
    return float(stats.norm.cdf(-math.sqrt(subjects / (subjects - 1)) * student))


@lru_cache(maxsize=8)
def _resample_shares(subjects: int, seed: int) -> NDArray[np.float64]:
    """(resamples, subjects): how often each subject is drawn, divided by the number of draws."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(subjects, np.full(subjects, 1.0 / subjects), size=RESAMPLES) / subjects
