"""What the trainings of an experiment have left: the facts of each row that they give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import nn

from pseudohealthy.evaluate.trained import Trained
from pseudohealthy.stages.model_folder import Model, load_model
from pseudohealthy.stages.stopwatch import minutes_of
from pseudohealthy.stages.untrained import UNTRAINED


def trained_rows(stage_1: Path, stage_2: Iterable[Path] = ()) -> list[Trained]:
    """The rows of a training of Stage I, and of those of Stage II that were built on it.

    Args:
        stage_1: Folder of the training, with `model/`.
        stage_2: The same for each segmenter.
    """
    model = load_model(stage_1 / "model")
    first = Trained(
        model.reconstructor_row,
        _parameters(model.reconstructor),
        minutes_of(stage_1),
        *_losses(model, ""),
    )
    return [first, *(row for folder in stage_2 for row in _of_segmenter(folder, first))]


def _of_segmenter(folder: Path, first: Trained) -> list[Trained]:
    model = load_model(folder / "model")
    if model.segmenter is None:
        raise TypeError(f"{folder} holds no segmenter")
    parameters, minutes = _parameters(model.segmenter), minutes_of(folder)
    both = (first.parameters + parameters, _sum([first.minutes, minutes]))
    needs_first = model.segmenter.uses_residual and model.reference == "reconstruction"
    return [
        Trained(model.segmenter_row, *(both if needs_first else (parameters, minutes)), *_losses(model, "segmenter_")),
        Trained(model.row, *both, None, None),
    ]


def _losses(model: Model, prefix: str) -> tuple[float | None, float | None]:
    return model.metrics.get(prefix + UNTRAINED), model.metrics.get(f"{prefix}val_loss")


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
