"""From scans to persons: one person, one value, however many lesions, model seeds and sets the person was scored in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pseudohealthy.evaluate.table import CaseResult

ScanValues = Mapping[tuple[str, str], float | None]
"""(subject, scan) -> value, None where undefined."""


@dataclass(frozen=True)
class PersonValues:
    """One value a person.

    Attributes:
        values: Person -> value, in the order of the table.
        left_out: Persons who have some but not all of what was asked for.
    """

    values: Mapping[str, float]
    left_out: int


def scan_values(
    cases: Sequence[CaseResult], row: str, test_set: str, metric: str, grid: str = "native"
) -> dict[tuple[str, str], float | None]:
    """(subject, scan) -> value, the mean over the model seeds under which the scan was scored.

    Args:
        cases: The per-case table.
        row: Method.
        test_set: Test set.
        metric: Metric.
        grid: Grid of the metric.
    """
    values: dict[tuple[str, str], list[float]] = {}
    for case in cases:
        if (case.row, case.test_set, case.grid) == (row, test_set, grid):
            group = values.setdefault((case.subject, case.case), [])
            if (value := case.metrics.get(metric)) is not None:
                group.append(value)
    return {scan: sum(group) / len(group) if group else None for scan, group in values.items()}


def person_means(values: ScanValues) -> dict[str, float]:
    """Mean over the scans of each person; persons without a defined value are left out."""
    grouped: dict[str, list[float]] = {}
    for (person, _), value in values.items():
        if value is not None:
            grouped.setdefault(person, []).append(value)
    return {person: math.fsum(group) / len(group) for person, group in grouped.items()}


def person_differences(
    cases: Sequence[CaseResult],
    first: str,
    second: str,
    sets: Sequence[str],
    metric: str,
    grid: str = "native",
) -> PersonValues:
    """`first - second` of each person, the mean over the sets.

    A person's value on a set is the mean over model seeds and over the person's lesions of that set (where every seed
    has scored every scan, the order of these two means does not matter); then comes the mean over the sets, each with
    one weight however many lesions it has. Scans that only one of the rows has, or on which only one is defined, count
    for neither.

    Args:
        cases: The per-case table.
        first: Row.
        second: Row to subtract.
        sets: Test sets; a person who lacks one of them is left out and counted.
        metric: Metric.
        grid: Grid of the metric.
    """
    by_set: list[dict[str, float]] = []
    seen: dict[str, None] = {}
    for test_set in sets:
        a, b = (scan_values(cases, row, test_set, metric, grid) for row in (first, second))
        seen |= dict.fromkeys(person for person, _ in (*a, *b))
        by_set.append(person_means({scan: _minus(a[scan], b[scan]) for scan in a if scan in b}))
    values = {
        person: math.fsum(of_set[person] for of_set in by_set) / len(by_set)
        for person in seen
        if all(person in of_set for of_set in by_set)
    }
    return PersonValues(values, len(seen) - len(values))


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b
