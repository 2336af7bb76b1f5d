"""How the weights of a network lie in memory: channels last, by which CPU and GPU convolve slices faster."""

from __future__ import annotations

import torch
from torch import nn


def channels_last(network: nn.Module) -> None:
    """Lay the weights of a 2-D network channels last, in place; see docs/performance.md.

    A 3-D network stays as it is: there it gained nothing on a processor, and PyTorch refuses this layout for it.
    """
    if all(weights.dim() < 5 for weights in network.parameters()):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub


def as_stored(network: nn.Module) -> None:
    """Lay all weights as weight files hold them, in place."""
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
