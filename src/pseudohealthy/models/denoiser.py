"""The denoising U-Net of Stage I, with or without a condition (paper, appendix A; Dhariwal & Nichol 2021: the blocks).

Differences from the authors' network: an optional pixel-unshuffle stem (`unshuffle` > 1) trades resolution for
channels, so that a small network on a CPU still sees the whole slice. With `unshuffle = 1` and the `paper` widths it
is theirs.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Resample = Literal["none", "down", "up"]


def check_denoiser(widths: tuple[int, ...], blocks: int, unshuffle: int) -> None:
    """Refuse settings that no denoiser can be built from.

    Raises:
        ValueError: There is no level or no block, or `group_norm` cannot divide a level, or two that are joined.
    """
    if not widths or any(width < 4 or width % 4 for width in widths):
        raise ValueError(f"widths {widths} are not one or more multiples of 4")
    joined = [2 * width for width in widths] + [sum(pair) for pair in pairwise(widths)]
    uneven = [channels for channels in (*widths, *joined) if channels > 128 and channels % 32]
    if uneven:
        made = f"{uneven[0]} channels, alone or where levels are joined"
        raise ValueError(f"widths {widths} make {made}: above 128 that is no multiple of 32")
    for name, value in (("blocks", blocks), ("unshuffle", unshuffle)):
        if value < 1:
            raise ValueError(f"{name} {value} is not 1 or more")


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation with the 32 groups of the source, or fewer where a small net has fewer channels a group."""
    return nn.GroupNorm(min(32, channels // 4), channels)


def zeroed(module: nn.Module) -> nn.Module:
    """The module with all its parameters set to zero, so that a residual block starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def time_embedding(t: Tensor, width: int) -> Tensor:
    """Sinusoidal embedding of diffusion steps (n,) -> (n, width)."""
    half = width // 2
    frequencies = torch.exp(-math.log(10_000.0) * torch.arange(half, device=t.device) / half)
    angles = t.float()[:, None] * frequencies[None]
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)


def upsampled(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """A 3x3 convolution of maps whose pixels are first doubled along both axes, in 4/9 of the operations.

    The nine weights of a doubled pixel meet four pixels: one transposed convolution, whose kernels are sums of the
    convolution's.
    """
    sums = functional.pad(convolution.weight, (1, 1, 1, 1)).flip(2, 3)
    sums = sums[:, :, 1:] + sums[:, :, :-1]
    sums = sums[:, :, :, 1:] + sums[:, :, :, :-1]
    return functional.conv_transpose2d(x, sums.transpose(0, 1), convolution.bias, stride=2, padding=1)


class ResidualBlock(nn.Module):
    """Residual block, scaled and shifted by the embedding after its second normalisation (FiLM); it may resample."""

    def __init__(self, channels: int, out: int, embedding: int, resample: Resample = "none") -> None:
        super().__init__()
        self.resample = resample
        self.norm_in = group_norm(channels)
        self.conv_in = nn.Conv2d(channels, out, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * out)
        self.norm_out = group_norm(out)
        self.conv_out = zeroed(nn.Conv2d(out, out, 3, padding=1))
        self.skip = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def _resampled(self, x: Tensor) -> Tensor:
        if self.resample == "down":
            return functional.avg_pool2d(x, 2)
        if self.resample == "up":
            return functional.interpolate(x, scale_factor=2.0, mode="nearest")
        return x

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(n, channels, y, x), (n, embedding) -> (n, out, y', x')."""
        h = functional.silu(self.norm_in(x))
        h = upsampled(h, self.conv_in) if self.resample == "up" else self.conv_in(self._resampled(h))
        scale, shift = self.film(functional.silu(embedding))[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.norm_out(h), 1 + scale)  # one pass over the maps instead of two
        out: Tensor = self.conv_out(functional.silu(h)) + self.skip(self._resampled(x))
        return out


class Attention(nn.Module):
    """Self-attention over all positions, with a residual connection. Only the middle block has it."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = group_norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, y, x) -> the same shape."""
        n, channels, height, width = x.shape
        qkv = self.qkv(self.norm(x)).view(n, 3, self.heads, channels // self.heads, height * width)
        q, k, v = qkv.transpose(-1, -2).unbind(1)
        attended = functional.scaled_dot_product_attention(q, k, v)
        update: Tensor = self.out(attended.transpose(-1, -2).reshape(n, channels, height, width))
        return x + update


class Denoiser(nn.Module):
    """Predicts the noise-free slice x_0 from a noised one, its step t and a condition vector.

    The condition passes an MLP of its own and is concatenated to the embedding of t, half the width each; the pair
    drives FiLM in every residual block. Without a condition the embedding of t does so alone.

    Args:
        widths: Channels of each level, from fine to coarse.
        blocks: Residual blocks a level on the way down (one more on the way up).
        condition: Width of the condition vector; 0 for a network that is given none.
        unshuffle: Edge of the pixel blocks that the stem turns into channels; y and x must be divisible by
            `unshuffle * 2 ** (levels - 1)`.
    """

    def __init__(self, widths: tuple[int, ...], blocks: int, condition: int, unshuffle: int) -> None:
        super().__init__()
        self.unshuffle = unshuffle
        self.time_width = widths[0]
        time = 4 * widths[0]
        self.time = nn.Sequential(nn.Linear(self.time_width, time), nn.SiLU(), nn.Linear(time, time))
        self.condition = (
            nn.Sequential(nn.Linear(condition, time), nn.SiLU(), nn.Linear(time, time)) if condition else None
        )
        embedding = 2 * time if condition else time
        pixels = unshuffle**2
        self.stem = nn.Conv2d(pixels, widths[0], 3, padding=1)

        self.down = nn.ModuleList()
        kept = [widths[0]]
        channels = widths[0]
        for level, width in enumerate(widths):
            for _ in range(blocks):
                self.down.append(ResidualBlock(channels, width, embedding))
                channels = width
                kept.append(channels)
            if level < len(widths) - 1:
                self.down.append(ResidualBlock(channels, channels, embedding, "down"))
                kept.append(channels)

        self.middle_in = ResidualBlock(channels, channels, embedding)
        self.attention = Attention(channels)
        self.middle_out = ResidualBlock(channels, channels, embedding)

        self.up = nn.ModuleList()
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(blocks + 1):
                self.up.append(ResidualBlock(channels + kept.pop(), width, embedding))
                channels = width
            if level > 0:
                self.up.append(ResidualBlock(channels, channels, embedding, "up"))
        self.head = nn.Sequential(group_norm(channels), nn.SiLU(), zeroed(nn.Conv2d(channels, pixels, 3, padding=1)))

    def forward(self, noised: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """(n, 1, y, x), (n,), (n, condition) -> x_0 estimate (n, 1, y, x)."""
        embedding = self.time(time_embedding(t, self.time_width))
        if self.condition is not None:
            if condition is None:
                raise TypeError("this denoiser needs a condition")
            embedding = torch.cat([embedding, self.condition(condition)], dim=1)
        h = self.stem(functional.pixel_unshuffle(noised, self.unshuffle))
        kept = [h]
        for block in self.down:
            h = block(h, embedding)
            kept.append(h)
        h = self.middle_out(self.attention(self.middle_in(h, embedding)), embedding)
        for block in self.up:
            h = block(h if block.resample == "up" else torch.cat([h, kept.pop()], dim=1), embedding)
        return functional.pixel_shuffle(self.head(h), self.unshuffle)
