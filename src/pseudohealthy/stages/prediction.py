"""The result of one scan."""

from __future__ import annotations

from dataclasses import dataclass

from pseudohealthy.io.cohort import Case
from pseudohealthy.io.volume import Volume
from pseudohealthy.score.lesions import Lesion
from pseudohealthy.score.thresholds import Threshold


@dataclass(frozen=True, eq=False)
class Prediction:
    """The result of one scan, in its native grid.

    Attributes:
        case: Where it came from; None for a scan from memory.
        scan: As read.
        brain_mask: What was scored.
        reconstruction: Pseudo-healthy reconstruction on the scan's intensity scale; 0 outside the brain.
        score: Anomaly score in [0, 1].
        unsupervised: Its unsupervised branch in [0, 1].
        supervised: Its supervised branch in [0, 1], or None.
        mask: `score > threshold.value`, bool.
        threshold: The threshold and what it promises.
        lesions: Connected lesions of the mask.
        coverage: Share of the brain inside the model grid's field; the rest scores 0.
        timings_s: Phase -> seconds.
        model: Facts of the model: row, version, seed.
        warnings: Sentences that every output shows.
    """

    case: Case | None
    scan: Volume
    brain_mask: Volume
    reconstruction: Volume
    score: Volume
    unsupervised: Volume
    supervised: Volume | None
    mask: Volume
    threshold: Threshold
    lesions: tuple[Lesion, ...]
    coverage: float
    timings_s: dict[str, float]
    model: dict[str, str]
    warnings: tuple[str, ...]
