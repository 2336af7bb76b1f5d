"""An EfficientNet-Lite0 that learned nothing: weights of the right names and shapes, for tests without the package."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from pseudohealthy.models.features import BLOCKS


def made_checkpoint() -> dict[str, Tensor]:
    """Random weights; the batch normalisations have statistics of their own."""
    rng = torch.Generator().manual_seed(0)
    checkpoint: dict[str, Tensor] = {}

    def add(conv: str, norm: str, shape: tuple[int, ...]) -> None:
        fan_in = shape[1] * shape[2] * shape[3]
        checkpoint[f"{conv}.weight"] = torch.randn(shape, generator=rng) * (2 / fan_in) ** 0.5
        checkpoint[f"{norm}.weight"] = 1 + 0.2 * torch.rand(shape[0], generator=rng)
        checkpoint[f"{norm}.bias"] = 0.2 * torch.randn(shape[0], generator=rng)
        checkpoint[f"{norm}.running_mean"] = 0.2 * torch.randn(shape[0], generator=rng)
        checkpoint[f"{norm}.running_var"] = 1 + torch.rand(shape[0], generator=rng)

    add("_conv_stem", "_bn0", (32, 3, 3, 3))
    for i, (channels, expanded, out, kernel, _) in enumerate(BLOCKS):
        block = f"_blocks.{i}."
        if expanded > channels:
            add(f"{block}_expand_conv", f"{block}_bn0", (expanded, channels, 1, 1))
        add(f"{block}_depthwise_conv", f"{block}_bn1", (expanded, 1, kernel, kernel))
        add(f"{block}_project_conv", f"{block}_bn2", (out, expanded, 1, 1))
    return checkpoint


def write_made_weights(folder: Path) -> Path:
    """The checkpoint as a file that `weights` may name."""
    path = folder / "made.safetensors"
    save_file(made_checkpoint(), path)
    return path
