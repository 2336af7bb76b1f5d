"""How long work on slices takes on this machine: timed, or told from fewer slices where all of them take long."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pseudohealthy.config import TrainingSettings
from pseudohealthy.stages.processor import best_device, native_precision

LONG_S = 3.0
"""What would take longer is not timed whole: a step of 32 slices at the paper's size takes minutes on a processor, and
more memory than some have."""
GROWTH = 4
"""So many times more slices are tried next. Not all at once: a GPU takes hardly longer for some slices than for one."""


@dataclass(frozen=True)
class Timed:
    """Seconds of some work.

    Attributes:
        seconds: Of all slices.
        whole: All slices were timed; if not, fewer were, and their time multiplied, which leaves out what many slices
            at once save or cost.
    """

    seconds: float
    whole: bool

    @property
    def told(self) -> str:
        """Seconds, with ~ before them where fewer slices were timed."""
        return f"{'' if self.whole else '~'}{self.seconds:.3f}"


def timed(work: Callable[[int], object], slices: int) -> Timed:
    """Time work on so many slices, or on as many as do not take long, and multiply.

    Args:
        work: Does it on as many slices as it is told.
        slices: How many there will be.
    """
    tried, seconds = 1, _settled_s(work, 1)
    while tried < slices and (more := min(GROWTH * tried, slices)) / tried * seconds <= LONG_S:
        tried, seconds = more, _settled_s(work, more)
    return Timed(seconds * slices / tried, whole=tried == slices)


def timed_step(
    network: nn.Module,
    loss_of: Callable[[int], Callable[[nn.Module, int], Tensor]],
    settings: TrainingSettings,
    slab: int = 1,
) -> Timed:
    """Time an optimiser step.

    Args:
        network: What is trained, a few steps by this.
        loss_of: Batch size -> the loss as a function of network and step. Sizes up to that of the settings are asked.
        settings: Batch size and precision.
        slab: Slices that the network sees together; the batch is whole slabs.
    """
    device = best_device()
    precision = native_precision(device) if settings.precision == "auto" else settings.precision
    half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision)
    network.to(device).train()
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 1e-6)
    losses: dict[int, Callable[[nn.Module, int], Tensor]] = {}
    numbers = itertools.count()

    def step(slices: int) -> None:
        if slices not in losses:
            losses[slices] = loss_of(slices)
        with torch.autocast(device.type, half or torch.bfloat16, enabled=half is not None):
            value = losses[slices](network, next(numbers))
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return timed(lambda slabs: step(slabs * slab), settings.batch_size // slab)


def _settled_s(work: Callable[[int], object], slices: int) -> float:
    """Seconds of the second time, for what is made the first time is not to be timed.

    The first time is enough where it is long: on a processor what is made is not; a GPU has to be woken.
    """
    first_s = _seconds(work, slices)
    if first_s > LONG_S and not torch.cuda.is_available():
        return first_s
    return _seconds(work, slices)


def _seconds(work: Callable[[int], object], slices: int) -> float:
    _wait()
    begun = time.perf_counter()
    work(slices)
    _wait()
    return time.perf_counter() - begun


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
