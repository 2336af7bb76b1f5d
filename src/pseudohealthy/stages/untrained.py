"""The validation loss of a network before its first step: what its training has to lower."""

from __future__ import annotations

from torch import nn

from pseudohealthy.stages.processor import best_device
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.training import Validate

UNTRAINED = "untrained_val_loss"
"""Key of a model's metrics."""


def untrained_loss(network: nn.Module, validate: Validate, steps: int, run: RunFolder) -> float:
    """Validate a network as it was made, tell the line of step 0, and leave the network as it was.

    A training that is resumed makes the same network anew, so its step 0 is the same.

    Args:
        network: Before its training; it is moved to the device that it is trained on.
        validate: Metrics on fixed slices, `val_loss` among them.
        steps: Of the training.
        run: Gets the line.
    """
    network.to(best_device()).eval()  # in training mode a normalisation over the batch would learn from these slices
    loss = validate(network)["val_loss"]
    network.train()
    run.log(f"step 0/{steps}  val_loss {loss:.4f}  untrained")
    return loss
