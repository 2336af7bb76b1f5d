"""Is a score that says 0.3 right in three of ten voxels? After a monotone map that other persons' scans give it.

The score is no probability: its scale is arbitrary. So a map from score to share of lesion is fitted first, by isotonic
regression on the voxels of other persons, and what is judged is how far the mapped score can be believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from pseudohealthy.evaluate.counts import CaseCounts
from pseudohealthy.evaluate.curves import Point
from pseudohealthy.evaluate.statistics import Estimate

_GROUPS = np.linspace(0.0, 1.0, 11)
_LEAST_SHARE = 1e-4  # of all voxels: a group of fewer is noise


@dataclass(frozen=True)
class Reliability:
    """What mapped scores promise and what is there.

    Attributes:
        points: x: mean mapped score of a tenth of its range; the estimate: share of lesion among these voxels.
        error: Mean distance of the two over all voxels (expected calibration error).
    """

    points: tuple[Point, ...]
    error: float


def reliability(counts: Sequence[CaseCounts], row: str, fit_sets: Sequence[str], test_set: str) -> Reliability | None:
    """Map each person's scores as the other persons' scans say, and compare with what is there.

    Args:
        counts: Voxel counts.
        row: Method.
        fit_sets: Test sets that the map is fitted on, always without the person it is used for.
        test_set: Where it is judged.

    Returns:
        The comparison, every person with the same weight; None with fewer than two persons to fit on.
    """
    chosen = [one for one in counts if one.row == row]
    fitted = _by_person([one for one in chosen if one.test_set in fit_sets and one.lesion])
    judged = _by_person([one for one in chosen if one.test_set == test_set and one.lesion])
    told, found, weights = [], [], []
    for person, shares in judged.items():
        others = [each for name, each in fitted.items() if name != person]
        if len(others) < 2:
            return None
        lesion, voxels = np.sum(others, axis=0)
        used = voxels > 0
        mapped = isotonic_regression(lesion[used] / voxels[used], weights=voxels[used]).x
        told.append(np.interp(np.arange(len(voxels)), np.flatnonzero(used), mapped))
        found.append(shares[0])
        weights.append(shares[1])
    return _compared(np.concatenate(told), np.concatenate(found), np.concatenate(weights)) if told else None


def _compared(told: NDArray[np.float64], found: NDArray[np.float64], weights: NDArray[np.float64]) -> Reliability:
    points, error = [], 0.0
    group = np.clip(np.digitize(told, _GROUPS) - 1, 0, len(_GROUPS) - 2)
    for number in range(len(_GROUPS) - 1):
        inside = group == number
        weight = float(weights[inside].sum())
        if weight <= _LEAST_SHARE * float(weights.sum()):
            continue
        promised = float((told * weights)[inside].sum() / weight)
        there = float(found[inside].sum() / weight)
        points.append(Point(promised, Estimate(there, None, None, 0)))
        error += weight * abs(promised - there)
    return Reliability(tuple(points), error / float(weights.sum()))


def _by_person(counts: Sequence[CaseCounts]) -> dict[str, NDArray[np.float64]]:
    """Person -> (lesion, all voxels) between neighbouring thresholds, as shares of the brain, mean over scans."""
    grouped: dict[str, list[NDArray[np.float64]]] = {}
    for one in counts:
        brain = one.lesion + one.other
        lesion = -np.diff(np.concatenate(([one.lesion], one.tp, [0])))
        every = -np.diff(np.concatenate(([brain], one.tp + one.fp, [0])))
        grouped.setdefault(one.subject, []).append(np.stack([lesion, every]) / brain)
    return {person: np.asarray(np.mean(scans, axis=0), np.float64) for person, scans in grouped.items()}
