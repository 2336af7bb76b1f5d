"""The cases that a results page shows: for each test set the one that went best and the one that went worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pseudohealthy.report.names import CONTROLS

if TYPE_CHECKING:
    from pseudohealthy.io.volume import Volume
    from pseudohealthy.stages.prediction import Prediction


@dataclass(frozen=True, eq=False)
class GalleryCase:
    """A scored scan with what is known about it.

    Attributes:
        title: Its name.
        test_set: Where it belongs.
        pathology: What it has.
        caption: A sentence beside the picture; may be empty.
        prediction: The result of the scan.
        lesion: Truth, or None.
        metrics: Metric -> value, None where undefined.
        place: `best` or `worst` of its test set, or empty; set by `choose`.
    """

    title: str
    test_set: str
    pathology: str
    caption: str
    prediction: Prediction
    lesion: Volume | None
    metrics: Mapping[str, float | None]
    place: str = ""


def choose(cases: Sequence[GalleryCase]) -> list[GalleryCase]:
    """The best and the worst case of each test set, best first; a set with one case shows that one.

    By ⌈Dice⌉ (`dice_oracle`), which needs no threshold; where it is undefined, and in healthy and sham scans, by the
    volume that is marked without cause (`fp_ml`). Undefined cases are shown only where there is nothing else.

    Args:
        cases: Any number; the test sets keep the order of their first case.
    """
    groups: dict[str, list[GalleryCase]] = {}
    for case in cases:
        groups.setdefault(case.test_set, []).append(case)
    chosen = []
    for group in groups.values():
        ranked = sorted(group, key=_quality, reverse=True)
        chosen.append(replace(ranked[0], place="best" if len(ranked) > 1 else ""))
        if len(ranked) > 1:
            chosen.append(replace(ranked[-1], place="worst"))
    return chosen


def place_label(case: GalleryCase) -> str:
    """What the place of a case means, in words; empty where it has none."""
    if not case.place:
        return ""
    if case.test_set in CONTROLS:
        return "best: least marked without cause" if case.place == "best" else "worst: most marked without cause"
    return f"{case.place} by ⌈Dice⌉"


def _quality(case: GalleryCase) -> float:
    dice, false_ml = case.metrics.get("dice_oracle"), case.metrics.get("fp_ml")
    if dice is not None and case.test_set not in CONTROLS:
        return dice
    return -false_ml if false_ml is not None else float("-inf")
