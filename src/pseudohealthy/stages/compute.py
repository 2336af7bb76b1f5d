"""How networks are run in prediction: on a device, in the memory layout that it likes, without gradients."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pseudohealthy.stages.layout import channels_last
from pseudohealthy.stages.model_folder import Model


def ready(model: Model, device: torch.device) -> Model:
    """The model with copies of its networks on a device, channels last: CPU and GPU convolve them faster so.

    Copies, so that what is trained or saved later does not depend on whether something was predicted before.
    """
    reconstructor, segmenter = copy.deepcopy(model.reconstructor), copy.deepcopy(model.segmenter)
    for network in (reconstructor, segmenter):
        if network is not None:
            channels_last(network.to(device))
    return dataclasses.replace(model, reconstructor=reconstructor, segmenter=segmenter)


@contextmanager
def computing(device: torch.device, precision: str) -> Iterator[None]:
    """Run networks without gradients, in this precision."""
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        yield
