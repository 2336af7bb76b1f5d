"""Thresholds that turn a score into a mask, each with the sentence that says how far it can be trusted.

The mask is always `score > threshold`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from pseudohealthy.config import CalibrationSettings
from pseudohealthy.errors import CohortError, ConfigError

# Candidates of the `lesion` policy: steps of 0.001, and as many on the logistic scale, because a segmenter's sigmoid
# crowds its maps against 0 and 1. All are float32 numbers, so that float32 maps compare alike in either precision.
_CANDIDATES = np.unique(
    np.concatenate([np.linspace(0.0, 1.0, 1001)[:-1], expit(np.linspace(-14.0, 14.0, 1001))]).astype(np.float32)
).astype(np.float64)
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Threshold:
    """A threshold on the anomaly score.

    Attributes:
        value: The mask is `score > value`.
        policy: `healthy`, `lesion` or `given`.
        n: Calibration scans that it rests on.
        statement: What it promises, in one sentence that every output shows.
        max_healthy_ml: `healthy`: volume that a healthy scan may have above it.
        risk: `healthy`: bound on the chance that a new healthy scan has more than that, 1 - k/(n+1).
        mean_dice: `lesion`: mean Dice of the calibration cases at this threshold (optimistic: chosen on them).
        per_scan: `healthy`: each calibration scan's lowest threshold, sorted.
    """

    value: float
    policy: Literal["healthy", "lesion", "given"]
    n: int
    statement: str
    max_healthy_ml: float | None = None
    risk: float | None = None
    mean_dice: float | None = None
    per_scan: tuple[float, ...] = ()

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Threshold:
        """Read what `dataclasses.asdict` wrote (to JSON, where tuples become lists)."""
        return cls(**{**stored, "per_scan": tuple(stored.get("per_scan", ()))})


def lowest_threshold(
    score: NDArray[np.floating[Any]], mask: NDArray[np.bool_], voxel_ml: float, max_ml: float
) -> float:
    """Lowest threshold with at most `max_ml` above it inside the brain mask of one scan.

    With room for k voxels it is the (k+1)-th highest score: every lower threshold has more than `max_ml` above it.
    In a brain that is smaller than `max_ml` it is the lowest score.

    Args:
        score: Anomaly score, any shape.
        mask: Brain mask, bool, same shape.
        voxel_ml: Volume of a voxel.
        max_ml: Volume that may lie above.

    Raises:
        ValueError: The mask is empty or a score is not finite.
    """
    values = score[mask]
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("a threshold needs finite scores inside a brain mask")
    room = min(math.floor(max_ml / voxel_ml * (1.0 + _ROUNDING)), values.size - 1)
    position = values.size - 1 - room
    return float(np.partition(values, position)[position])


def healthy_threshold(per_scan: Sequence[float], settings: CalibrationSettings) -> Threshold:
    """Split-conformal threshold from healthy calibration scans alone; no lesion label is needed.

    Stored is the k-th smallest of the scans' lowest thresholds, k = ceil((n+1)(1-alpha)). A new healthy scan that is
    exchangeable with them has more than `max_healthy_ml` above it with a probability of at most 1 - k/(n+1) <= alpha,
    whatever the score's distribution (Vovk et al. 2005; Lei et al. 2018). Where k > n no value has that guarantee; the
    largest is stored, its bound is 1/(n+1), and the statement says so.

    Args:
        per_scan: `lowest_threshold` of each healthy calibration scan. Stage I must not have learned from them.
        settings: Volume and alpha.

    Raises:
        CohortError: There is no calibration scan.
    """
    n = len(per_scan)
    if n == 0:
        raise CohortError(
            "calibration set",
            found="no healthy scan",
            needed="at least 1 healthy scan that Stage I did not learn from (9 for a guarantee at 10 %)",
            fix="Add rows with split 'calibration' and pathology 'healthy', or give a threshold as a number.",
        )
    values = np.sort(np.asarray(per_scan, dtype=np.float64))
    k = min(math.ceil((n + 1) * (1.0 - settings.alpha) - _ROUNDING), n)
    risk = 1.0 - k / (n + 1)
    value = float(values[k - 1])
    event = f"chance that a new healthy scan has more than {settings.max_healthy_ml:g} ml above it"
    if risk <= settings.alpha + _ROUNDING:
        statement = f"n = {n}: at most {_percent(settings.alpha)} {event}"
    else:
        statement = f"n = {n}: no guarantee below {_percent(risk)} ({event})"
    if value >= 1.0:  # a conformal threshold cannot be lowered without losing what it promises
        statement += "; the score of healthy scans reaches its maximum, so nothing can lie above the threshold"
    return Threshold(value, "healthy", n, statement, settings.max_healthy_ml, risk, per_scan=tuple(values.tolist()))


def lesion_threshold(
    scores: Iterable[NDArray[np.floating[Any]]],
    lesions: Iterable[NDArray[np.bool_]],
    masks: Iterable[NDArray[np.bool_]],
) -> Threshold:
    """Threshold with the best mean Dice over annotated calibration cases, from about 2000 candidates in [0, 1).

    Cases without a lesion inside the brain mask have no Dice and are left out. Of equally good neighbours the middle
    one is taken. The inputs are read case by case and may be generators.

    Args:
        scores: Anomaly scores in [0, 1].
        lesions: Reference masks.
        masks: Brain masks.

    Raises:
        CohortError: No case has a lesion.
    """
    curves = [
        _dice_curve(score[mask & lesion], score[mask & ~lesion])
        for score, lesion, mask in zip(scores, lesions, masks, strict=True)
        if (mask & lesion).any()
    ]
    if not curves:
        raise CohortError(
            "calibration set",
            found="no scan with a lesion mask",
            needed="at least 1 annotated scan for the policy 'lesion'",
            fix="Use the policy 'healthy', which needs healthy scans alone.",
        )
    mean_dice = np.mean(curves, axis=0)
    best = np.flatnonzero(mean_dice >= mean_dice.max() - _ROUNDING)
    run = best[: int(np.argmax(np.append(np.diff(best), 2) > 1)) + 1]  # the first run of neighbours
    chosen = int(run[(len(run) - 1) // 2])
    n = len(curves)
    return Threshold(
        float(_CANDIDATES[chosen]),
        "lesion",
        n,
        f"n = {n}: best mean Dice ({mean_dice[chosen]:.2f}) over annotated scans; tuned on their kind of lesion",
        mean_dice=float(mean_dice[chosen]),
    )


def given_threshold(value: float) -> Threshold:
    """A threshold that the user gives as a number.

    Raises:
        ConfigError: It is not in [0, 1).
    """
    if not 0.0 <= value < 1.0:
        raise ConfigError(
            "threshold",
            found=str(value),
            needed="a number in [0, 1), 'healthy' or 'lesion'",
            fix="The anomaly score lies in [0, 1], and the mask is where it is above the threshold.",
        )
    return Threshold(float(value), "given", 0, "given by the user: no guarantee")


def _dice_curve(lesion: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Dice of `score > candidate` for every candidate."""
    hits = lesion.size - np.searchsorted(np.sort(lesion), _CANDIDATES, side="right")
    false = other.size - np.searchsorted(np.sort(other), _CANDIDATES, side="right")
    return np.asarray(2.0 * hits / (hits + false + lesion.size))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
