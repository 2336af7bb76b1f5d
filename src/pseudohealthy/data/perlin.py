"""Perlin noise (K. Perlin, 1985, with the smoother fade of 2002), each map of a batch with its own number of cells."""

from __future__ import annotations

import torch
from torch import Tensor

from pseudohealthy.data.single_precision import single_precision


def perlin_noise(
    n: int,
    size_y: int,
    size_x: int,
    resolution: Tensor,
    rng: torch.Generator,
    *,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Gradient noise on a rectangular lattice of cells that spans the map.

    A point is the sum over the lattice's nodes of `fade_y * fade_x * gradient . offset`, where the fades reach over one
    cell. They depend on one axis each, so a map is a product of three small matrices, whatever its resolution.

    Args:
        n: Number of maps.
        size_y: Rows.
        size_x: Columns.
        resolution: (n, 2) integers, cells along y and along x of each map; on the CPU.
        rng: Generator on the CPU. How much it draws depends on the largest resolution alone.
        device: Where the maps are made.

    Returns:
        (n, 1, y, x) float32 in [-1, 1], zero on average.
    """
    nodes = int(resolution.max()) + 1
    angle = (2 * torch.pi * torch.rand(n, nodes, nodes, generator=rng)).to(device)
    cells_y, cells_x = resolution.to(device).unbind(1)
    fade_y, slope_y = _reach(size_y, cells_y, nodes)
    fade_x, slope_x = _reach(size_x, cells_x, nodes)
    with single_precision():
        noise = slope_y @ angle.sin() @ fade_x.mT + fade_y @ angle.cos() @ slope_x.mT
    return (2**0.5 * noise)[:, None]  # a gradient noise of unit gradients lies in +-sqrt(1/2)


def _reach(size: int, cells: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """How much each node reaches each pixel along one axis, and that times the offset: twice (n, size, nodes)."""
    position = (torch.arange(size, device=cells.device) + 0.5) / size * cells[:, None]  # pixel centres, in cells
    offset = position[..., None] - torch.arange(nodes, device=cells.device)
    t = (1 - offset.abs()).clamp_min(0)
    fade = t**3 * (t * (6 * t - 15) + 10)
    return fade, fade * offset
