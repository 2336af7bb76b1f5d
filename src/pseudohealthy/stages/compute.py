"""How networks are run in prediction: on which device, in which memory layout, with how many bits."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pseudohealthy.errors import ConfigError
from pseudohealthy.stages.layout import channels_last
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.training import native_precision

PRECISIONS = ("fp32", "bf16")
"""`fp32` is what thresholds are calibrated with; `bf16` is for processors that multiply it natively."""


def ready(model: Model, device: torch.device) -> Model:
    """The model with copies of its networks on a device, channels last: CPU and GPU convolve them faster so.

    Copies, so that what is trained or saved later does not depend on whether something was predicted before.
    """
    reconstructor, segmenter = copy.deepcopy(model.reconstructor), copy.deepcopy(model.segmenter)
    for network in (reconstructor, segmenter):
        if network is not None:
            channels_last(network.to(device))
    return dataclasses.replace(model, reconstructor=reconstructor, segmenter=segmenter)


def cores_to_spare(device: torch.device) -> bool:
    """Whether something can be done beside the networks: they are on an accelerator, or leave a core of ours alone."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return device.type != "cpu" or torch.get_num_threads() < ours


def refuse_precision(precision: str, device: torch.device) -> None:
    """Refuse an unknown precision, and one that the processor would only imitate.

    Raises:
        ConfigError: It is either.
    """
    if precision not in PRECISIONS:
        raise ConfigError(
            "precision", found=f"'{precision}'", needed=f"one of {', '.join(PRECISIONS)}", fix="Check the spelling."
        )
    if precision == "bf16" and native_precision(device) != "bf16-mixed":
        raise ConfigError(
            "precision bf16",
            found=f"a processor ({device.type}) that does not multiply bf16 natively, and would be slower with it",
            needed="a CPU with avx512_bf16 or amx_bf16, or a GPU of compute capability 8.0 or newer",
            fix="Leave the precision at fp32.",
        )


@contextmanager
def computing(device: torch.device, precision: str) -> Iterator[None]:
    """Run networks without gradients, in this precision."""
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        yield
