"""Settings that several rooms share, with their defaults. A method's own settings stand at the top of its file.

The YAML schema and the command line's options are built from these classes (`stages/recipe.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

SEGMENTED = ("each", "mean")
MOST_SEED = 2**63 - 1
"""What PyTorch's generators take."""


@dataclass(frozen=True)
class ScoreSettings:
    """How the anomaly score is made.

    Attributes:
        beta: Weight of the unsupervised map, AS = beta * clip(x~, 0, 1) + (1 - beta) * y^ (paper, appendix D).
        map: Name of the unsupervised Score: see `score/maps.py`.
        median_voxels: Edge of the cubic 3-D median filter on the unsupervised map (paper, section 3: 5).
        segmented: What Stage II sees: `each` reconstruction, and its maps are averaged (paper, section 3.3), or their
            `mean`, in one pass.
    """

    beta: float = 0.5
    map: str = "ssim"
    median_voxels: int = 5
    segmented: str = "each"

    def __post_init__(self) -> None:
        _refuse(not 0 <= self.beta <= 1, f"beta {self.beta:g} is not in [0, 1]")
        odd = self.median_voxels > 0 and self.median_voxels % 2 == 1
        _refuse(not odd, f"median_voxels {self.median_voxels} is not an odd number above 0")
        _refuse(self.segmented not in SEGMENTED, f"segmented '{self.segmented}' is none of {', '.join(SEGMENTED)}")


@dataclass(frozen=True)
class CalibrationSettings:
    """How the `healthy` threshold is found: at most `max_healthy_ml` above it in all but a share `alpha` of scans."""

    max_healthy_ml: float = 1.0
    alpha: float = 0.1

    def __post_init__(self) -> None:
        _refuse(not 0 <= self.max_healthy_ml < math.inf, f"max_healthy_ml {self.max_healthy_ml:g} is not 0 or more")
        _refuse(not 0 < self.alpha < 1, f"alpha {self.alpha:g} is not between 0 and 1")


@dataclass(frozen=True)
class TrainingSettings:
    """One optimisation, of either stage.

    Attributes:
        steps: Optimiser steps.
        batch_size: Slices a step, on all devices together.
        accumulate: Parts of the batch that a device works through one after the other: less memory, the same steps.
        learning_rate: Peak learning rate.
        optimiser: `adam` (paper) or `adamw`.
        schedule: `constant` (paper) or `one_cycle` (warm-up, then cosine to zero).
        weight_decay: Used by `adamw` alone.
        gradient_clip: Largest gradient norm; 0 leaves gradients alone.
        ema_decay: Decay of the exponential moving average of the weights; 0 keeps the last weights.
        validate_every_steps: Steps between validations on fixed slices with fixed noise.
        checkpoint_every_steps: Steps between checkpoints: what a killed run loses at most.
        keep: `best` validation weights (paper) or the `last`.
        precision: `auto` takes bf16 where the processor computes it natively, else 32 bits.
        seed: Seed of weights, batches, augmentation and noise.
    """

    steps: int = 1000
    batch_size: int = 16
    accumulate: int = 1
    learning_rate: float = 1e-4
    optimiser: Literal["adam", "adamw"] = "adam"
    schedule: Literal["constant", "one_cycle"] = "constant"
    weight_decay: float = 0.0
    gradient_clip: float = 1.0
    ema_decay: float = 0.0
    validate_every_steps: int = 100
    checkpoint_every_steps: int = 100
    keep: Literal["best", "last"] = "best"
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "validate_every_steps", "checkpoint_every_steps"):
            _refuse(getattr(self, name) < 1, f"{name} {getattr(self, name)} is not 1 or more")
        parts = f"batch_size {self.batch_size} is no multiple of accumulate {self.accumulate}"
        _refuse(bool(self.batch_size % self.accumulate), parts)
        _refuse(not 0 <= self.seed <= MOST_SEED, f"seed {self.seed} is not from 0 to {MOST_SEED}")
        _refuse(not 0 <= self.ema_decay < 1, f"ema_decay {self.ema_decay:g} is not in [0, 1)")
        _refuse(not 0 < self.learning_rate < math.inf, f"learning_rate {self.learning_rate:g} is not above 0")
        for name in ("weight_decay", "gradient_clip"):
            _refuse(not 0 <= getattr(self, name) < math.inf, f"{name} {getattr(self, name):g} is not 0 or more")


@dataclass(frozen=True)
class AugmentSettings:
    """Random changes of a training slice (paper, section 3): the probability of each.

    Attributes:
        gamma: Contrast x -> x ** exp(g).
        bias_field: Smooth multiplicative field.
        blur: Gaussian blur.
        ghosting: Periodic ghosts along one axis.
        mirror: Left-right mirror image.
    """

    gamma: float = 0.5
    bias_field: float = 0.25
    blur: float = 0.25
    ghosting: float = 0.5
    mirror: float = 0.0

    def __post_init__(self) -> None:
        for name, probability in vars(self).items():
            _refuse(not 0 <= probability <= 1, f"{name} {probability:g} is not a probability in [0, 1]")


@dataclass(frozen=True)
class SupervisionSettings:
    """What Stage II learns from.

    Attributes:
        synthetic: Name of an anomaly generator (`data/anomalies.py`) that is painted on healthy slices, or `none`.
        synthetic_share: Share of a batch that is synthetic where annotated scans are given too.
        lesion_slice_share: Probability that a slice of an annotated scan is taken from those with lesion; 0 (paper)
            takes any.
    """

    synthetic: str = "none"
    synthetic_share: float = 0.5
    lesion_slice_share: float = 0.0

    def __post_init__(self) -> None:
        for name in ("synthetic_share", "lesion_slice_share"):
            _refuse(not 0 <= getattr(self, name) <= 1, f"{name} {getattr(self, name):g} is not in [0, 1]")


def _refuse(wrong: bool, problem: str) -> None:
    """A recipe's reader turns the error into one that names the recipe."""
    if wrong:
        raise ValueError(problem)


@dataclass(frozen=True)
class MethodChoice:
    """A method's name in its table, and its settings (a dataclass at the top of the method's file)."""

    method: str
    settings: object = field(default=None)
