"""Which scans went wrong, and which worst: one rule for the table, its filter and the pictures."""

from __future__ import annotations

from collections.abc import Mapping

from pseudohealthy.report.names import CONTROLS

DICE = 0.1
"""At the stored threshold; below it a lesion was missed, or drowned in what was marked without cause."""
FALSE_ML = 1.0
"""Marked without cause in a scan with nothing to find."""

RULE = (
    f"A scan counts as a failure where its Dice at the stored threshold is below {DICE:g}; a healthy or sham scan "
    f"where more than {FALSE_ML:g} ml are marked without cause."
)


def failed(test_set: str, metrics: Mapping[str, float | None]) -> bool:
    """Whether a scan is a failure by `RULE`; undefined is none."""
    dice, false_ml = metrics.get("dice"), metrics.get("fp_ml")
    if test_set in CONTROLS:
        return false_ml is not None and false_ml > FALSE_ML
    return dice is not None and dice < DICE


def quality(test_set: str, metrics: Mapping[str, float | None]) -> float:
    """How well a scan went, to rank those of one set.

    By ⌈Dice⌉ (`dice_oracle`), which needs no threshold; where it is undefined, and in healthy and sham scans, by the
    volume that is marked without cause (`fp_ml`). Undefined is the worst.
    """
    dice, false_ml = metrics.get("dice_oracle"), metrics.get("fp_ml")
    if dice is not None and test_set not in CONTROLS:
        return dice
    return -false_ml if false_ml is not None else float("-inf")
