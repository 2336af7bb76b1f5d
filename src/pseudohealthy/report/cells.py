"""Tables from results: numbers, intervals, the best of a column, and why a number is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from pseudohealthy.report.names import BASELINES, CONTROLS, METRICS

NONE = "\N{EN DASH}"
Results = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Cell:
    """One number on a page.

    Attributes:
        value: The number, exact; None where undefined.
        text: What is printed.
        interval: The 95 % interval as text; empty where there is none.
        title: Why it is missing, or over how many scans it is the mean.
        best: It is the best of its column.
        beaten: A network's mean that does not exceed the best baseline of its column.
    """

    value: float | None
    text: str
    interval: str = ""
    title: str = ""
    best: bool = False
    beaten: bool = False


def number(value: float, decimals: int = 3) -> str:
    """A rounded number with a proper minus sign."""
    return f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def signed(value: float, decimals: int = 3) -> str:
    """A difference: a rounded number that always has its sign, but for 0."""
    return ("+" if value > 0 else "") + number(value, decimals)


def column(results: Results, test_set: str, metric: str) -> dict[str, Cell]:
    """The cells of one metric on one test set, by row."""
    about = METRICS[metric]
    entries = {row: sets.get(test_set) for row, sets in results.items()}
    defined = {row: float(entry[metric]) for row, entry in entries.items() if _has(entry, metric)}
    if test_set in CONTROLS and about.lesions_only:
        defined = {}
    ranked = about.higher_is_better and test_set not in CONTROLS
    top = max(defined.values(), default=None) if ranked else None
    only_one = sum(value == top for value in defined.values()) == 1 < len(defined)
    bar = max((value for row, value in defined.items() if row in BASELINES), default=None) if ranked else None
    cells = {}
    for row, entry in entries.items():
        if row not in defined or entry is None:
            cells[row] = Cell(None, NONE, title=_why(entry, test_set, metric))
            continue
        value = defined[row]
        cells[row] = Cell(
            value,
            number(value, about.decimals),
            interval=_interval(entry, metric),
            title=_of_scans(entry, metric),
            best=value == top and only_one,
            beaten=bar is not None and row not in BASELINES and value <= bar,
        )
    return cells


def scans_of(entry: Mapping[str, Any], metric: str) -> int:
    """Scans over which a metric is defined."""
    return int(entry.get(f"{metric}_n", entry.get("n", 0)))


def test_sets(results: Results) -> list[str]:
    """Every test set, in the order of first appearance."""
    return list(dict.fromkeys(name for sets in results.values() for name in sets))


def lesion_sets(results: Results) -> list[str]:
    """Test sets with something to find: any row has ⌈Dice⌉ or AUPRC there, and they are no controls."""
    return [
        name
        for name in test_sets(results)
        if name not in CONTROLS
        and any(_has(sets.get(name), metric) for sets in results.values() for metric in ("dice_oracle", "auprc"))
    ]


def size_of(results: Results, test_set: str) -> int:
    """Scans of a test set."""
    return max(int(sets[test_set].get("n", 0)) for sets in results.values() if test_set in sets)


def _has(entry: Mapping[str, Any] | None, metric: str) -> TypeGuard[Mapping[str, Any]]:
    return entry is not None and entry.get(metric) is not None


def _interval(entry: Mapping[str, Any], metric: str) -> str:
    ends = entry.get(f"{metric}_ci")
    return "" if ends is None else "\N{EN DASH}".join(number(end, METRICS[metric].decimals) for end in ends)


def _of_scans(entry: Mapping[str, Any], metric: str) -> str:
    scans = scans_of(entry, metric)
    text = f"Mean of {scans} scan{'' if scans == 1 else 's'}"
    return text if entry.get(f"{metric}_ci") else f"{text}; no interval with fewer than two subjects"


def _why(entry: Mapping[str, Any] | None, test_set: str, metric: str) -> str:
    if entry is None:
        return "Not measured: this row was not run on this set"
    about = METRICS[metric]
    if test_set in CONTROLS and about.lesions_only:
        return f"Not shown: there is nothing to find in {test_set} scans"
    if about.at_threshold and all(entry.get(name) is None for name, other in METRICS.items() if other.at_threshold):
        return "Not defined: this row has no stored threshold"
    return f"Not defined: {about.needs}"
