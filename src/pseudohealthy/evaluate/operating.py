"""Curves over thresholds, from voxel counts: precision against recall, and Dice. Every interval is over persons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.evaluate.counts import CaseCounts
from pseudohealthy.evaluate.curves import Point
from pseudohealthy.evaluate.statistics import bootstrap_mean
from pseudohealthy.score.counts import THRESHOLDS

RECALLS = np.round(np.linspace(0.05, 1.0, 20), 2)
"""Where precision is told; the mean over them is close to the area under the curve."""


def precision_at(counts: CaseCounts) -> NDArray[np.float64]:
    """Precision of one scan at the highest threshold that reaches each of `RECALLS`.

    Average precision sums these steps (`score/ranking.py`), with every score as a threshold instead of 64. Where even
    the lowest threshold does not reach a recall, the whole brain is marked and precision is the lesion's share.

    Raises:
        ValueError: The scan has no lesion.
    """
    if not counts.lesion:
        raise ValueError(f"{counts.case} has no lesion, so no recall")
    # From the highest threshold down; the last one marks everything.
    tp = np.append(counts.tp[::-1], counts.lesion)
    fp = np.append(counts.fp[::-1], counts.other)
    reached = np.searchsorted(tp, np.ceil(RECALLS * counts.lesion - 1e-9), side="left")
    return np.asarray(tp[reached] / (tp[reached] + fp[reached]), np.float64)


def dice_at(counts: CaseCounts) -> NDArray[np.float64]:
    """Dice of one scan at each of `THRESHOLDS`.

    Raises:
        ValueError: The scan has no lesion.
    """
    if not counts.lesion:
        raise ValueError(f"{counts.case} has no lesion, so no Dice")
    return np.asarray(2 * counts.tp / (counts.tp + counts.fp + counts.lesion), np.float64)


def precision_recall(counts: Sequence[CaseCounts], row: str, test_set: str, seed: int = 0) -> list[Point]:
    """Mean precision over persons against recall; empty where no scan of the set has a lesion."""
    chosen = _with_lesion(counts, row, test_set)
    return _points(RECALLS, [precision_at(one) for one in chosen], chosen, seed)


def dice_against_threshold(counts: Sequence[CaseCounts], row: str, test_set: str, seed: int = 0) -> list[Point]:
    """Mean Dice over persons against the threshold; empty where no scan of the set has a lesion."""
    chosen = _with_lesion(counts, row, test_set)
    return _points(THRESHOLDS, [dice_at(one) for one in chosen], chosen, seed)


def stored_thresholds(counts: Sequence[CaseCounts], row: str) -> tuple[float, ...]:
    """The different stored thresholds of a row, rising: one a model."""
    return tuple(sorted({one.threshold for one in counts if one.row == row and one.threshold is not None}))


def _with_lesion(counts: Sequence[CaseCounts], row: str, test_set: str) -> list[CaseCounts]:
    return [one for one in counts if (one.row, one.test_set) == (row, test_set) and one.lesion]


def _points(
    xs: NDArray[np.float64], values: Sequence[NDArray[np.float64]], counts: Sequence[CaseCounts], seed: int
) -> list[Point]:
    if not counts:
        return []
    persons = [one.subject for one in counts]
    columns = np.stack(values, axis=1).tolist()
    return [
        Point(x, bootstrap_mean(column, persons, seed).within(0.0, 1.0))
        for x, column in zip(xs.tolist(), columns, strict=True)
    ]
