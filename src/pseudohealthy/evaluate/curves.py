"""What a metric depends on: the fusion weight, the lesion's volume, the number of annotated scans; and healthy scans.

Rows carry the abscissa in their name: `beta=0.3` is the score at that fusion weight, `sadm_res@5` is `sadm_res` trained
with five annotated scans. Every interval is over persons (`persons.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pseudohealthy.evaluate.persons import person_means, scan_values
from pseudohealthy.evaluate.statistics import Estimate, bootstrap_mean, bootstrap_median
from pseudohealthy.evaluate.table import CaseResult, in_range

_BETA = re.compile(r"beta=(\d+(?:\.\d+)?)")
_ANNOTATED = re.compile(r"(.+)@(\d+)")


@dataclass(frozen=True)
class Point:
    """A mean over persons at one place of the abscissa."""

    x: float
    estimate: Estimate


@dataclass(frozen=True)
class Scan:
    """One scan: the volume of its lesion and a metric."""

    volume_ml: float
    value: float


@dataclass(frozen=True)
class Tertile:
    """A third of the lesions by volume: from, to, and the median over persons (in the place of the mean)."""

    low_ml: float
    high_ml: float
    median: Estimate


@dataclass(frozen=True)
class ByVolume:
    """A metric against lesion volume: every scan, and thirds of them; no thirds with fewer than three scans."""

    scans: tuple[Scan, ...]
    tertiles: tuple[Tertile, ...]


@dataclass(frozen=True)
class Spread:
    """One value a scan, and their mean over persons."""

    values: tuple[float, ...]
    estimate: Estimate


def beta_of(row: str) -> float | None:
    """0.3 of `beta=0.3`; None of another row."""
    match = _BETA.fullmatch(row)
    return None if match is None else float(match[1])


def annotated_of(row: str) -> tuple[str, int] | None:
    """(`sadm_res`, 5) of `sadm_res@5`; None of another row."""
    match = _ANNOTATED.fullmatch(row)
    return None if match is None else (match[1], int(match[2]))


def against_beta(cases: Sequence[CaseResult], test_set: str, metric: str = "auprc", seed: int = 0) -> list[Point]:
    """A metric on a test set against the fusion weight (paper, appendix D), native grid.

    Args:
        cases: A table with rows `beta=0.0`, ...; others are passed over.
        test_set: Test set.
        metric: Metric.
        seed: Seed of the resampling.

    Returns:
        Points in the order of beta; none where no such row has a value.
    """
    found = {beta: row for row in _rows(cases) if (beta := beta_of(row)) is not None}
    return _points(cases, found, test_set, metric, seed)


def against_annotated(
    cases: Sequence[CaseResult], method: str, test_set: str, metric: str = "auprc", seed: int = 0
) -> list[Point]:
    """A metric on a test set against the number of annotated scans a method was trained with, native grid.

    Args:
        cases: A table with rows `METHOD@1`, ...; others are passed over.
        method: Row without its number.
        test_set: Test set.
        metric: Metric.
        seed: Seed of the resampling.

    Returns:
        Points in the order of the number; none where no such row has a value.
    """
    named = {row: annotated_of(row) for row in _rows(cases)}
    found = {float(name[1]): row for row, name in named.items() if name is not None and name[0] == method}
    return _points(cases, found, test_set, metric, seed)


def annotated_methods(cases: Sequence[CaseResult]) -> list[str]:
    """Methods of which the table has a row with a number of annotated scans."""
    return list(dict.fromkeys(name[0] for row in _rows(cases) if (name := annotated_of(row)) is not None))


def against_volume(
    cases: Sequence[CaseResult], row: str, sets: Sequence[str], metric: str = "dice_oracle", seed: int = 0
) -> ByVolume:
    """A metric of each scan against the volume of its lesion inside the brain mask, native grid.

    Args:
        cases: The per-case table.
        row: Method.
        sets: Test sets, pooled.
        metric: Metric.
        seed: Seed of the resampling.

    Returns:
        Scans in the order of volume; thirds by the tertiles of all scans' volumes. The median of a third is over
        persons, each with the mean of the own scans in it.
    """
    found: list[tuple[float, str, float]] = []
    for test_set in sets:
        values = scan_values(cases, row, test_set, metric)
        for scan, volume_ml in scan_values(cases, row, test_set, "lesion_ml").items():
            value = values[scan]
            if volume_ml and value is not None:
                found.append((volume_ml, scan[0], value))
    found.sort()
    thirds = np.array_split(np.arange(len(found)), 3) if len(found) >= 3 else []
    return ByVolume(
        tuple(Scan(volume_ml, value) for volume_ml, _, value in found),
        tuple(_tertile([found[place] for place in third], seed) for third in thirds),
    )


def on_healthy(
    cases: Sequence[CaseResult], row: str, healthy_set: str = "healthy", metric: str = "fp_ml", seed: int = 0
) -> Spread | None:
    """What a row marks in each healthy scan at its stored threshold, native grid; None where it has no value.

    Args:
        cases: The per-case table.
        row: Method.
        healthy_set: Test set of healthy scans.
        metric: Metric.
        seed: Seed of the resampling.
    """
    values = scan_values(cases, row, healthy_set, metric)
    defined = tuple(value for value in values.values() if value is not None)
    if not defined:
        return None
    estimate = bootstrap_mean(list(values.values()), [person for person, _ in values], seed)
    return Spread(defined, in_range(metric, estimate))


def _rows(cases: Sequence[CaseResult]) -> list[str]:
    return list(dict.fromkeys(case.row for case in cases))


def _points(cases: Sequence[CaseResult], rows: dict[float, str], test_set: str, metric: str, seed: int) -> list[Point]:
    points = []
    for x, row in sorted(rows.items()):
        means = person_means(scan_values(cases, row, test_set, metric))
        if means:
            points.append(Point(x, in_range(metric, bootstrap_mean(list(means.values()), list(means), seed))))
    return points


def _tertile(scans: Sequence[tuple[float, str, float]], seed: int) -> Tertile:
    """Of (volume, person, value) in the order of volume."""
    median = bootstrap_median([value for _, _, value in scans], [person for _, person, _ in scans], seed)
    return Tertile(scans[0][0], scans[-1][0], median)
