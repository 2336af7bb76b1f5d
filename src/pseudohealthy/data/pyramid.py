"""Pyramid noise for the diffusion model: white noise of every grain, summed (ANDi, Frotscher et al., arXiv 2312.01904).

n = sum_i d^i up(e_i), e_i ~ N(0, 1) on a lattice whose edge is the slice's over 2^i: coarse grain hides large lesions,
as simplex noise does.

Differences from the source: levels are halved instead of shrunk by a random factor, and the sum is divided by its
standard deviation at each pixel, so that the noise has unit variance everywhere.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.data.single_precision import single_precision

DISCOUNT = 0.8
"""d, the ratio of the amplitudes of successive levels."""


def level_sizes(size_y: int, size_x: int) -> list[tuple[int, int]]:
    """Lattices from the slice's own size to the last of more than one point."""
    sizes, divisor = [], 1
    while max(size_y, size_x) >= 2 * divisor:
        sizes.append((max(1, round(size_y / divisor)), max(1, round(size_x / divisor))))
        divisor *= 2
    return sizes or [(size_y, size_x)]


@lru_cache(maxsize=8)
def _matrices(size_y: int, size_x: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """For each level the bilinear interpolations along y and x, (size, points)."""
    found = []
    for level in level_sizes(size_y, size_x):
        pair = []
        for size, points in zip((size_y, size_x), level, strict=True):
            lattice = torch.eye(points)[None]
            pair.append(functional.interpolate(lattice, size, mode="linear", align_corners=False)[0].T)
        found.append((pair[0], pair[1]))
    return tuple(found)


@lru_cache(maxsize=8)
def _sd(size_y: int, size_x: int) -> Tensor:
    """Standard deviation of the raw sum at each pixel, (y, x): interpolated white noise has less than white noise."""
    variance = torch.zeros(size_y, size_x)
    for i, (along_y, along_x) in enumerate(_matrices(size_y, size_x)):
        variance += DISCOUNT ** (2 * i) * torch.outer(along_y.square().sum(1), along_x.square().sum(1))
    return variance.sqrt()


def pyramid_noise(
    n: int, size_y: int, size_x: int, rng: torch.Generator, *, device: torch.device | str = "cpu"
) -> Tensor:
    """White noise of all grains, of unit variance at every pixel, (n, 1, y, x) float32.

    Args:
        n: Number of maps.
        size_y: Rows.
        size_x: Columns.
        rng: Generator on the CPU.
        device: Where the maps go.
    """
    maps = torch.zeros(n, size_y, size_x)
    for i, (along_y, along_x) in enumerate(_matrices(size_y, size_x)):
        lattice = torch.randn(n, along_y.shape[1], along_x.shape[1], generator=rng)
        with single_precision():
            maps += DISCOUNT**i * (along_y @ lattice @ along_x.T)
    return (maps / _sd(size_y, size_x))[:, None].to(device)
