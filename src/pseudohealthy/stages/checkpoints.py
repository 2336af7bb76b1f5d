"""What a training leaves on the disk while it runs: when it is written, that it is whole, and how it is read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from pseudohealthy.config import TrainingSettings
from pseudohealthy.errors import OutputError
from pseudohealthy.io.files import write_bytes

LAST = "last.ckpt"
BEST = "best.ckpt"


class LastCheckpoint(ModelCheckpoint):
    """The state of every so many steps, after the validation of the same step where there is one.

    Lightning's own is written before it: a training that is killed in between would go on without that validation, and
    might keep other weights.
    """

    def __init__(self, folder: Path, settings: TrainingSettings) -> None:
        super().__init__(
            folder,
            filename="last",
            every_n_train_steps=settings.checkpoint_every_steps,
            save_top_k=1,
            monitor=None,
            enable_version_counter=False,
        )
        self._validated, self._begun = min(settings.validate_every_steps, settings.steps), 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the step that is in the file already."""
        super().on_train_start(trainer, pl_module)
        self._begun = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write it, unless there is a validation to come, or only a part of a batch was worked through since."""
        if trainer.global_step % self._validated and trainer.global_step != self._begun:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it now."""
        super().on_train_batch_end(trainer, pl_module, None, None, 0)


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it.

    Lightning's own way passes through the system's temporary folder: where that is another disk, a training that is
    killed, or that fills the disk, would leave half a checkpoint in place of its last whole one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write it, whole or not at all."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_bytes(path, content.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Its content, on the CPU; tensors and plain values alone are read, no pickled object.

    Raises:
        OutputError: It is damaged.
    """
    try:
        content: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # PyTorch raises many kinds for files that are cut off or make no sense
        raise OutputError(
            path,
            found="a damaged checkpoint",
            needed="a whole one, to go on from",
            fix="Remove it and begin anew, with --overwrite.",
        ) from error
    return content
