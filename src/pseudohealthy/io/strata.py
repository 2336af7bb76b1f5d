"""Division of groups of cases into parts that are alike in age, site, lesion volume, ..."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Case, Cohort

_MOST_BINS = 4
_CASES_A_BIN = 4  # for each side, on average: fewer cannot be divided in proportion
Label = tuple[str, str]


def labels_of(cohort: Cohort, columns: Sequence[str], sides: int) -> dict[str, tuple[Label, ...]]:
    """Say which stratum each case is in, for each column.

    A column of numbers is cut into up to four bins of equal size, text is taken as it is; a missing value is a stratum
    of its own.

    Args:
        cohort: The cases.
        columns: Columns of the cohort table, or `pathology`.
        sides: How many parts there will be: more parts, fewer bins.

    Returns:
        Case name -> one (column, stratum) for each column.

    Raises:
        CohortError: A column in which no case has a value.
    """
    found: dict[str, list[Label]] = {case.name: [] for case in cohort}
    for column in columns:
        values = {case.name: _value(case, column) for case in cohort}
        if not any(values.values()):
            raise CohortError(
                f"the column {column!r}",
                found="no value in any case",
                needed="a column of the cohort with values",
                fix=f"Columns are: {', '.join(sorted({key for case in cohort for key in case.columns})) or 'none'}.",
            )
        strata = _bins(values, sides) if _is_numbers(values) else values
        for name, stratum in strata.items():
            found[name].append((column, stratum or "unknown"))
    return {name: tuple(labels) for name, labels in found.items()}


def divide_alike(
    groups: Sequence[Sequence[str]],
    shares: Sequence[float],
    labels: Mapping[str, Sequence[Label]],
    rng: np.random.Generator,
) -> dict[str, int]:
    """Divide groups so that each stratum is divided in the same proportions (Sechidis et al. 2011).

    The rarest stratum is divided first, each of its groups going to the side that lacks most of it.

    Args:
        groups: Names of cases that stay together; in an order that does not depend on the cohort's.
        shares: Share of each side.
        labels: Case name -> its strata.
        rng: Breaks ties.

    Returns:
        Case name -> number of its side.
    """
    waiting = {
        number: Counter(label for name in group for label in labels[name]) for number, group in enumerate(groups)
    }
    lack = {label: np.array(shares) * count for label, count in _present(waiting).items()}
    room = np.array(shares) * sum(map(len, groups))
    order = rng.permutation(len(groups))
    side_of: dict[str, int] = {}
    while waiting:
        present = _present(waiting)
        rarest = min(present, key=lambda label: (present[label], label))
        members = [number for number, counts in waiting.items() if rarest in counts]
        for number in sorted(members, key=lambda number: (-len(groups[number]), order[number])):
            wanted = [(round(float(lack[rarest][side]), 6), round(float(room[side]), 6)) for side in range(len(shares))]
            side = int(rng.choice([side for side, want in enumerate(wanted) if want == max(wanted)]))
            for label, count in waiting.pop(number).items():
                lack[label][side] -= count
            room[side] -= len(groups[number])
            side_of |= dict.fromkeys(groups[number], side)
    return side_of


def _present(waiting: Mapping[int, Counter[Label]]) -> Counter[Label]:
    """How many cases of each stratum wait."""
    present: Counter[Label] = Counter()
    for counts in waiting.values():
        present.update(counts)
    return present


def _value(case: Case, column: str) -> str:
    return case.pathology if column == "pathology" else case.columns.get(column, "")


def _is_numbers(values: Mapping[str, str]) -> bool:
    return all(_number(value) is not None for value in values.values() if value)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bins(values: Mapping[str, str], sides: int) -> dict[str, str]:
    numbers = [float(value) for value in values.values() if value]
    count = int(np.clip(len(numbers) // (_CASES_A_BIN * sides), 2, _MOST_BINS))
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, count + 1)[1:-1]))
    return {
        name: f"bin {np.searchsorted(edges, float(value), side='right') + 1}" if value else ""
        for name, value in values.items()
    }
