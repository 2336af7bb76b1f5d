"""How long work on slices takes on this machine: timed, or told from one slice where that alone takes long."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pseudohealthy.config import TrainingSettings
from pseudohealthy.stages.training import best_device, native_precision

REPEATS = 2
LONG_S = 3.0
"""What would take longer, by one slice, is not timed whole: a step of 32 slices at the paper's size takes minutes on a
processor, and more memory than some have."""


@dataclass(frozen=True)
class Timed:
    """Seconds of some work.

    Attributes:
        seconds: Of all slices.
        from_one: One slice was timed and multiplied. That leaves out what many slices at once save or cost.
    """

    seconds: float
    from_one: bool

    @property
    def told(self) -> str:
        """Seconds, with ~ before them where one slice was timed."""
        return f"{'~' * self.from_one}{self.seconds:.3f}"


def timed(work: Callable[[int], object], slices: int) -> Timed:
    """Time work on so many slices, or on one and multiply.

    Args:
        work: Does it on as many slices as it is told.
        slices: How many there will be.
    """
    work(1)  # what is made the first time is not timed
    one_s = _seconds(lambda: work(1))
    if slices * one_s > LONG_S:
        return Timed(slices * one_s, from_one=True)
    work(slices)
    return Timed(_seconds(lambda: [work(slices) for _ in range(REPEATS)]) / REPEATS, from_one=False)


def timed_step(
    network: nn.Module, loss_of: Callable[[int], Callable[[nn.Module, int], Tensor]], settings: TrainingSettings
) -> Timed:
    """Time an optimiser step.

    Args:
        network: What is trained, a few steps by this.
        loss_of: Batch size -> the loss as a function of network and step.
        settings: Batch size and precision.
    """
    device = best_device()
    precision = native_precision(device) if settings.precision == "auto" else settings.precision
    half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision)
    network.to(device).train()
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 1e-6)
    losses = {slices: loss_of(slices) for slices in (1, settings.batch_size)}
    numbers = itertools.count()

    def step(slices: int) -> None:
        with torch.autocast(device.type, half or torch.bfloat16, enabled=half is not None):
            value = losses[slices](network, next(numbers))
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return timed(step, settings.batch_size)


def _seconds(work: Callable[[], object]) -> float:
    _wait()
    begun = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - begun


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
