"""The cases that a results page shows: of each test set the best and the worst, and failures beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.failures import failed, quality
from pseudohealthy.report.names import CONTROLS
from pseudohealthy.score.thresholds import Threshold

MOST_FAILURES = 6


@dataclass(frozen=True, eq=False)
class GalleryCase:
    """A scored scan with what is known about it.

    Attributes:
        title: Its name.
        test_set: Where it belongs.
        caption: A sentence beside the picture; may be empty.
        row: The method that is shown.
        threshold: Of the outlines and of the metrics that need one.
        metrics: Metric -> value, None where undefined.
        picture: Its maps; None before it is drawn.
        page: Its case page, where there is one.
        place: `best` or `worst` of its test set, `failure`, or empty; set by `choose`.
    """

    title: str
    test_set: str
    caption: str
    row: str
    threshold: Threshold
    metrics: Mapping[str, float | None]
    picture: Picture | None = None
    page: Path | None = None
    place: str = ""


def choose(cases: Sequence[GalleryCase]) -> list[GalleryCase]:
    """The best and the worst case of each test set, best first; a set with one case shows that one.

    Then failures (`failures.py`) that are none of these, at most six: the worst of each set, then the second of each,
    and so on. A case that is not chosen is not chosen either when more cases have come, so none needs to be kept.

    Args:
        cases: Any number; the test sets keep the order of their first case.
    """
    groups: dict[str, list[GalleryCase]] = {}
    for case in cases:
        groups.setdefault(case.test_set, []).append(case)
    chosen: dict[str, list[GalleryCase]] = {}
    failures: list[tuple[int, GalleryCase]] = []
    for name, group in groups.items():
        ranked = sorted(group, key=lambda case: quality(name, case.metrics), reverse=True)
        chosen[name] = [replace(ranked[0], place="best" if len(ranked) > 1 else "")]
        if len(ranked) > 1:
            chosen[name].append(replace(ranked[-1], place="worst"))
        failures += enumerate(case for case in reversed(ranked[1:-1]) if failed(name, case.metrics))
    for _, case in sorted(failures, key=lambda one: one[0])[:MOST_FAILURES]:
        chosen[case.test_set].append(replace(case, place="failure"))
    return [case for group in chosen.values() for case in group]


def place_label(case: GalleryCase) -> str:
    """What the place of a case means, in words; empty where it has none."""
    if not case.place:
        return ""
    if case.place == "failure":
        return "failure"
    if case.test_set in CONTROLS:
        return "best: least marked without cause" if case.place == "best" else "worst: most marked without cause"
    return f"{case.place} by ⌈Dice⌉"
