"""Several processes that train one network, one for each device: who they are, how they start and wait for each other.

All of them run the same command. The first leads: it alone prepares scans and writes files.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]  # not in its __all__
from torch import distributed

from pseudohealthy.config import TrainingSettings
from pseudohealthy.errors import ConfigError

T = TypeVar("T")

PATIENCE = timedelta(hours=12)
"""How long the others wait for the leader, which prepares all scans. One that has died is noticed by who started it."""


@dataclass(frozen=True)
class Processes:
    """Who trains.

    Attributes:
        devices: Processes of a node, each with a device of its own.
        nodes: Machines.
        rank: Which of all processes this one is, from 0.
    """

    devices: int = 1
    nodes: int = 1
    rank: int = 0

    @property
    def count(self) -> int:
        """Processes on all nodes."""
        return self.devices * self.nodes

    @property
    def leads(self) -> bool:
        """Whether this one prepares and writes for all."""
        return self.rank == 0

    def rows(self, settings: TrainingSettings, turn: int) -> slice | None:
        """The part of a step's batch that this process works on in its turn `turn`, from 0; None is all of it."""
        parts = self.count * settings.accumulate
        if parts == 1:
            return None
        size, part = settings.batch_size // parts, turn * self.count + self.rank
        return slice(part * size, (part + 1) * size)

    def first(self, make: Callable[[], T], take: Callable[[], T]) -> T:
        """What the leader makes; the others wait for it and take it."""
        made = make() if self.leads else None
        if self.count > 1:
            try:
                distributed.barrier()
            except RuntimeError:  # the leader has ended, and told why: let it be the first of whom that is noticed
                time.sleep(0 if self.leads else 10)
                raise SystemExit(1) from None
        return take() if made is None else made


ALONE = Processes()


def refuse(devices: int, nodes: int, settings: TrainingSettings) -> None:
    """Refuse what cannot be started or divided.

    Raises:
        ConfigError: A number below 1, more devices than there are, or a batch that cannot be divided.
    """
    for name, number in (("--devices", devices), ("--nodes", nodes)):
        if number < 1:
            raise ConfigError(f"{name} {number}", found="none", needed="1 or more", fix=f"For example: {name} 1")
    there, kind = _available()
    if devices > there:
        raise ConfigError(
            f"--devices {devices}",
            found=f"{there} {kind}",
            needed=f"{devices}, one for each process",
            fix=f"Give --devices {there}, or more nodes.",
        )
    parts = devices * nodes * settings.accumulate
    if settings.batch_size % parts:
        raise ConfigError(
            f"batch_size {settings.batch_size}",
            found=f"{devices * nodes} devices, and accumulate {settings.accumulate}",
            needed=f"a batch that {parts} divides: it is that of all devices together",
            fix=f"For example: --set <stage>_training.batch_size={max(1, settings.batch_size // parts) * parts}",
        )


def is_started(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is one of several that torchrun or srun has started."""
    return "RANK" in environment or int(environment.get("SLURM_STEP_NUM_TASKS", "1")) > 1


def start(devices: int, nodes: int, arguments: Sequence[str]) -> int:
    """Run this command once for each device of this machine, and return the exit code.

    Args:
        devices: How many.
        nodes: On one machine alone processes can be started from here.
        arguments: What follows `pseudohealthy`.

    Raises:
        ConfigError: More than one node.
    """
    if nodes > 1:
        raise ConfigError(
            f"--nodes {nodes}",
            found="one process",
            needed="one for each device of each node, started by srun or torchrun",
            fix="For example: srun --nodes 2 --ntasks-per-node 4 pseudohealthy train ... --devices 4 --nodes 2",
        )
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what happened is told by the process
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, _cores() // devices)))
    config = LaunchConfig(
        *(1, 1, devices), run_id="train", rdzv_backend="c10d", rdzv_endpoint="localhost:0", max_restarts=0
    )
    config.monitor_interval = 0.5
    try:
        elastic_launch(config, sys.executable)("-m", "pseudohealthy", *arguments)
    except ChildFailedError as error:
        first = min(error.failures.values(), key=lambda failure: (failure.exitcode < 0, failure.timestamp))
        return int(first.exitcode)  # of one that ended by itself: the others are killed then
    except SignalException as interrupted:
        return 128 + int(interrupted.sigval)
    return 0


@contextmanager
def joined(devices: int, nodes: int) -> Iterator[Processes]:
    """Join the others, where there are others.

    Raises:
        ConfigError: Another number of processes was started.
    """
    if devices * nodes == 1:
        yield ALONE
        return
    os.environ.update(as_torchrun(os.environ))
    started = int(os.environ["WORLD_SIZE"])
    if started != devices * nodes:
        raise ConfigError(
            f"--devices {devices} --nodes {nodes}",
            found=f"{started} processes",
            needed=f"{devices * nodes}, one for each device",
            fix="Start as many with srun or torchrun.",
        )
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpu else "gloo", timeout=PATIENCE)
    processes = Processes(devices, nodes, distributed.get_rank())
    if not processes.leads:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # that it was interrupted is told once
    try:
        yield processes
    finally:
        distributed.destroy_process_group()


def as_torchrun(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that torchrun sets, from those of srun where it was that."""
    if "RANK" in environment:
        return {}
    slurm = SLURMEnvironment()
    return {
        "RANK": environment["SLURM_PROCID"],
        "LOCAL_RANK": environment["SLURM_LOCALID"],
        "GROUP_RANK": environment["SLURM_NODEID"],
        "WORLD_SIZE": environment["SLURM_STEP_NUM_TASKS"],
        "MASTER_ADDR": environment.get("MASTER_ADDR")
        or slurm.resolve_root_node_address(environment["SLURM_STEP_NODELIST"]),
        "MASTER_PORT": environment.get("MASTER_PORT") or str(15000 + int(environment["SLURM_JOB_ID"]) % 10000),
    }


def _available() -> tuple[float, str]:
    if torch.cuda.is_available():
        return torch.cuda.device_count(), "GPUs"
    return math.inf if is_started() else _cores(), "processor cores, and no GPU"  # srun binds a process to a few


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
