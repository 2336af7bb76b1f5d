"""What computes, with how many bits it multiplies natively, and which precisions would mean another one on it."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from pseudohealthy.config import TrainingSettings
from pseudohealthy.errors import ConfigError

PRECISIONS = ("fp32", "bf16")
"""`fp32` is what thresholds are calibrated with; `bf16` is for processors that multiply it natively."""


def best_device() -> torch.device:
    """The accelerator, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cores_to_spare(device: torch.device) -> bool:
    """Whether something can be done beside the networks: they are on an accelerator, or leave a core of ours alone."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return device.type != "cpu" or torch.get_num_threads() < ours


def native_precision(device: torch.device) -> str:
    """`bf16-mixed` where the processor multiplies bf16 natively, else `32-true`."""
    if device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "32-true"
    return "bf16-mixed" if "avx512_bf16" in flags or "amx_bf16" in flags else "32-true"


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


def refuse_training_precision(settings: TrainingSettings) -> None:
    """Refuse 16-bit floats on a processor, where another precision would be taken in their place.

    Raises:
        ConfigError: That is asked for.
    """
    if settings.precision == "16-mixed" and best_device().type == "cpu":
        raise ConfigError(
            "precision 16-mixed",
            found="no GPU",
            needed="one: the processor does not train with it",
            fix="Set precision to auto, bf16-mixed or 32-true.",
        )
