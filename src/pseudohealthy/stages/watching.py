"""Looks at a training while it goes on: what the network makes of a few fixed slices, at a few moments of the run.

Whoever watches gets arrays and draws them elsewhere. Looking happens during validation: the network is in evaluation
mode, has the averaged weights where there are some, and random numbers are the look's own, so nothing of the training
changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from pseudohealthy.config import TrainingSettings

MOMENTS = 6
SLICES = 3

Look = Callable[[nn.Module], NDArray[np.float32]]
"""Network -> what it makes of the fixed slices, (slice, view, y, x)."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What is looked at.

    Attributes:
        title: Which training.
        kind: `reconstruction`: maps are slices again; `score`: they lie in [0, 1].
        views: Names of the maps of a slice; may be empty.
        slices: (slice, y, x), intensities of the model.
        lesions: (slice, y, x) bool: what was annotated or painted there.
        steps: Steps of the training.
        moments: Steps at which the network is looked at.
    """

    title: str
    kind: Literal["reconstruction", "score"]
    views: tuple[str, ...]
    slices: NDArray[np.float32]
    lesions: NDArray[np.bool_]
    steps: int
    moments: tuple[int, ...]


class Watch(Protocol):
    """Who watches a training."""

    def begin(self, scene: Scene) -> None:
        """The training begins, or goes on."""

    def see(self, step: int, maps: NDArray[np.float32]) -> None:
        """A moment has come: what the network makes of the slices, (slice, view, y, x)."""

    def validated(self) -> None:
        """A row was added to `metrics.csv`."""


class Watching(Callback):
    """Lets someone watch; stands behind `Report`, so that its row is there."""

    def __init__(self, watch: Watch, scene: Scene, look: Look) -> None:
        self._watch, self._scene, self._look = watch, scene, look

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the slices."""
        self._watch.begin(self._scene)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Look, if the moment has come; the averaged weights are still in place."""
        if trainer.global_step in self._scene.moments:
            network = pl_module.network
            assert isinstance(network, nn.Module)
            with torch.inference_mode():
                self._watch.see(trainer.global_step, self._look(network))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell that there are new numbers."""
        self._watch.validated()


def moments(settings: TrainingSettings) -> tuple[int, ...]:
    """Six validations spread over the run, the first and the last among them; all where there are fewer."""
    every = min(settings.validate_every_steps, settings.steps)
    validations = range(every, settings.steps + 1, every)
    places = np.linspace(0, len(validations) - 1, min(MOMENTS, len(validations))).round().astype(int)
    return tuple(validations[place] for place in places)


def telling_slices(lesion: Tensor, brain: Tensor) -> Tensor:
    """Three slices: of each third the one with the largest lesion, as long as it shows a fair piece of brain.

    Args:
        lesion: (slice, 1, y, x).
        brain: The same shape.

    Returns:
        Their indices.
    """
    sizes = brain.flatten(1).sum(dim=1).numpy()
    areas = lesion.flatten(1).sum(dim=1).numpy() * (sizes >= 0.5 * sizes.max())
    thirds = [third for third in np.array_split(np.arange(len(areas)), SLICES) if third.size]
    return torch.tensor([int(third[np.argmax(areas[third])]) for third in thirds])
