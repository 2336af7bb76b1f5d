"""Seconds, memory and floating-point operations, measured so that rows of one table can be compared."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch.utils.flop_counter import FlopCounterMode

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        part: `roofline`, `data`, `train` or `predict`.
        size: The recipe.
        what: What was measured.
        value: The number.
        unit: Its unit.
        note: How, and what must be known to read it.
    """

    part: str
    size: str
    what: str
    value: float
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Seconds:
    """Medians: what the clock says, and what the processor has worked for it (all threads together)."""

    wall: float
    cpu: float


def interleaved(variants: Mapping[str, Callable[[], object]], repeats: int, device: torch.device) -> dict[str, Seconds]:
    """Time several ways of doing one thing in turn, so that a busy minute hits all; one warm-up each is left out.

    Ratios are of processor time on a CPU, which other processes lengthen less than the clock's.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for turn in range(repeats + 1):
        for name, do in variants.items():
            _synchronise(device)
            wall, cpu = time.perf_counter(), time.process_time()
            do()
            _synchronise(device)
            if turn:
                taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: Seconds(*(median(each) for each in zip(*found, strict=True))) for name, found in taken.items()}


def ratio(before: Seconds, after: Seconds, device: torch.device) -> float:
    """How many times as fast it is after as before."""
    return before.cpu / after.cpu if device.type == "cpu" else before.wall / after.wall


def floating_point_operations(do: Callable[[], object]) -> int:
    """Operations of all matrix products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        do()
    return int(counter.get_total_flops())


def matrix_rate(device: torch.device, dtype: torch.dtype, repeats: int) -> float:
    """Operations per second of a product of two square matrices: the roof that networks are compared with."""
    edge = 1024 if device.type == "cpu" else 8192
    a, b = (torch.randn(edge, edge, generator=torch.Generator().manual_seed(i)).to(device, dtype) for i in (0, 1))
    seconds = interleaved({"product": lambda: a @ b}, repeats, device)["product"]
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    return 2 * edge**3 / (seconds.cpu / threads if device.type == "cpu" else seconds.wall)


def peak_mb(do: Callable[[], object], device: torch.device) -> float | None:
    """Largest memory while something is done, MB: of the process on a CPU (Linux), of the device on a GPU."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        do()
        return float(torch.cuda.max_memory_allocated(device)) / 2**20
    if not os.access(_CLEAR, os.W_OK):
        do()
        return None
    _CLEAR.write_text("5")  # forgets the peak so far
    do()
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
