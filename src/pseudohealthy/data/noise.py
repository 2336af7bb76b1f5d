"""Structured noise for the diffusion model: OpenSimplex octaves; Gaussian noise for comparison; the table of noises.

OpenSimplex (K. Spencer, 2014; public domain) is a sum over the vertices of a triangular lattice with edge sqrt(2): a
vertex `v` at offset `d` from the point adds `max(0, 2 - |d|^2)^4 * gradient(v) . d / 47`. At most four vertices reach a
point, and only the gradients depend on the seed. So the offsets are worked out once for a grid of pixels, and a batch
of maps is one weighted sum over the gradients of the lattice's vertices.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pseudohealthy.data.pyramid import pyramid_noise

_STRETCH = (1 / 3**0.5 - 1) / 2  # plane -> lattice coordinates, along the diagonal
_SQUISH = (3**0.5 - 1) / 2  # lattice -> plane, its inverse
_NORM = 47.0
_GRADIENTS = ((5, 2), (2, 5), (-5, 2), (-2, 5), (5, -2), (2, -5), (-5, -2), (-2, -5))
_LCG_FACTOR, _LCG_TERM = 6364136223846793005, 1442695040888963407  # Knuth's MMIX generator, modulo 2^64
_LCG_WARM_UP = 3


class Noise(Protocol):
    """Noise maps for a batch: `(n, size_y, size_x, rng)` -> (n, 1, y, x) float32, every map independent of the others.

    `rng` is a generator on the CPU whatever the device, so that one seed gives the same noise everywhere.
    """

    def __call__(
        self, n: int, size_y: int, size_x: int, rng: torch.Generator, *, device: torch.device | str = "cpu"
    ) -> Tensor:
        """Draw `n` maps."""
        ...


@lru_cache(maxsize=1)
def _lcg_powers() -> tuple[np.ndarray, np.ndarray]:
    """Factor and term that lead from the seed to the state behind each of the 256 swaps, without walking the chain."""
    factor, term, powers = 1, 0, []
    for step in range(_LCG_WARM_UP + 256):
        factor, term = factor * _LCG_FACTOR % 2**64, (term * _LCG_FACTOR + _LCG_TERM) % 2**64
        if step >= _LCG_WARM_UP:
            powers.append((factor, term))
    factors, terms = np.array(powers, dtype=np.uint64).T
    return factors[:, None], terms[:, None]


def permutation(seeds: int | Tensor) -> Tensor:
    """OpenSimplex's permutation of 0..255 for each seed: a shuffle driven by a 64-bit congruential generator.

    Args:
        seeds: One integer, or an int64 tensor of any shape (on the CPU).

    Returns:
        (*seeds.shape, 256) int64, on the CPU.
    """
    given = torch.as_tensor(seeds, dtype=torch.int64)
    flat = given.reshape(-1).numpy()
    factors, terms = _lcg_powers()
    states = (flat.astype(np.uint64) * factors + terms).view(np.int64)  # (256, n), wraps around like C
    last = np.arange(255, -1, -1)[:, None]  # the swap's upper end
    picks = (states % (last + 1) + 31) % (last + 1)  # == (state + 31) mod (last + 1), which could overflow
    source = np.repeat(np.arange(256)[:, None], flat.size, axis=1)
    table = np.empty_like(source)
    column = np.arange(flat.size)
    for pick, i in zip(picks, range(255, -1, -1), strict=True):
        table[i] = source[pick, column]
        source[pick, column] = source[i]
    return torch.from_numpy(np.ascontiguousarray(table.T)).reshape(*given.shape, 256)


def _contributions(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The four lattice vertices that can reach each point, and what multiplies their gradients.

    Args:
        x: (...) coordinates.
        y: (...) coordinates of the same shape.

    Returns:
        Lattice coordinates (..., 4) int64 twice, and weights (..., 4, 2) of the gradients' x and y components.
    """
    stretch = (x + y) * _STRETCH
    base_x, base_y = (x + stretch).floor(), (y + stretch).floor()
    frac_x, frac_y = x + stretch - base_x, y + stretch - base_y
    upper = (frac_x + frac_y > 1).to(x.dtype)  # which of the cell's two triangles; its apex is (0, 0) or (1, 1)
    to_x = torch.where(upper > 0, 1 - frac_y, frac_x)  # barycentric coordinate of the corner (1, 0)
    to_y = torch.where(upper > 0, 1 - frac_x, frac_y)
    to_apex = (1 - frac_x - frac_y).abs()
    # The only vertex beyond the triangle that can reach the point mirrors the farthest corner in the opposite edge.
    apex_far = (to_apex <= to_x) & (to_apex <= to_y)
    x_far = to_x <= to_y
    fourth_x = torch.where(apex_far, 1 - upper, torch.where(x_far, upper - 1, upper + 1))
    fourth_y = torch.where(apex_far, 1 - upper, torch.where(x_far, upper + 1, upper - 1))
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    step_x = torch.stack((upper, one, zero, fourth_x), -1)
    step_y = torch.stack((upper, zero, one, fourth_y), -1)
    lattice_x, lattice_y = frac_x[..., None] - step_x, frac_y[..., None] - step_y
    squish = (lattice_x + lattice_y) * _SQUISH
    offset = torch.stack((lattice_x + squish, lattice_y + squish), -1)
    attenuation = (2 - offset.square().sum(-1, keepdim=True)).clamp_min(0)
    vertex_x, vertex_y = base_x[..., None] + step_x, base_y[..., None] + step_y
    return vertex_x.long(), vertex_y.long(), offset * attenuation**4 / _NORM


def _gradients(vertex_x: Tensor, vertex_y: Tensor, permutations: Tensor, dtype: torch.dtype) -> Tensor:
    """Gradient of each lattice vertex: vertices (S) and permutations (B, 256) -> (B, S, 2)."""
    hashed = (permutations[:, vertex_x & 255] + vertex_y) & 255
    index = permutations.gather(1, hashed.flatten(1)).view_as(hashed)
    return torch.tensor(_GRADIENTS, dtype=dtype, device=permutations.device)[(index & 14) >> 1]


def opensimplex_2d(x: Tensor, y: Tensor, permutations: Tensor) -> Tensor:
    """2-D OpenSimplex noise at any points, equal to the package `opensimplex` with the same seed.

    Args:
        x: (*points) float coordinates in lattice units.
        y: (*points) float coordinates, same shape.
        permutations: (*maps, 256) int64 from `permutation`, on the device of `x`.

    Returns:
        (*maps, *points) in about [-0.87, 0.87], in the dtype of `x`: exact to 1e-12 in float64, and to 1e-5 in float32
        while coordinates stay below about 50 (a float32 coordinate itself is coarser beyond).
    """
    vertex_x, vertex_y, weights = _contributions(x.reshape(-1), y.reshape(-1))
    tables = permutations.reshape(-1, 256)
    noise = (_gradients(vertex_x, vertex_y, tables, x.dtype) * weights).sum((-1, -2))
    return noise.reshape(*permutations.shape[:-1], *x.shape)


@lru_cache(maxsize=8)
def _octave_plan(
    size_y: int, size_x: int, octaves: int, persistence: float, frequency: float, device: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """All that does not depend on the seed: the vertices in reach of the grid, and each pixel's weights over them.

    Returns:
        Vertices (V) twice; and for each of the y * x pixels the rows (pixels, octaves * 8) of the stacked gradients
        (x components first, then y) that it sums, with their weights.
    """
    level = torch.arange(octaves, dtype=torch.float64)[:, None, None]
    per_pixel = 2**level / frequency
    shape = (octaves, size_y, size_x)
    y = (torch.arange(size_y, dtype=torch.float64)[:, None] * per_pixel).expand(shape)
    x = (torch.arange(size_x, dtype=torch.float64) * per_pixel).expand(shape)
    vertex_x, vertex_y, weights = _contributions(x, y)
    weights = weights * persistence ** level[..., None, None]
    key = (vertex_x << 32) + vertex_y  # one integer a vertex: `unique` over pairs is a hundred times slower
    _, row = torch.unique(key, return_inverse=True)
    n_vertices = int(row.max()) + 1
    vertices = torch.empty(2, n_vertices, dtype=torch.int64)
    vertices[:, row.view(-1)] = torch.stack((vertex_x.view(-1), vertex_y.view(-1)))
    row = row.view(octaves, size_y * size_x, 4)
    rows = torch.stack((row, row + n_vertices), -1)
    pixels_first = (1, 0, 2, 3)
    rows = rows.permute(pixels_first).reshape(size_y * size_x, -1)
    weights = weights.view(octaves, size_y * size_x, 4, 2).permute(pixels_first).reshape(size_y * size_x, -1)
    return (
        vertices[0].to(device),
        vertices[1].to(device),
        rows.to(device, torch.int32),
        weights.to(device, torch.float32),
    )


def simplex_noise(
    n: int,
    size_y: int,
    size_x: int,
    rng: torch.Generator,
    *,
    octaves: int = 6,
    persistence: float = 0.8,
    frequency: float = 64.0,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Octaves of 2-D OpenSimplex noise, one map a sample (paper, section 2; values of the authors' code).

    Octave i has amplitude `persistence ** i` and coordinates `pixel / (frequency / 2 ** i)`. The raw sum is **not**
    normalised: its standard deviation is about 0.58, and the mean of one map lies anywhere within about +-0.4.

    Args:
        n: Number of maps, each with its own seed drawn from `rng`.
        size_y: Rows.
        size_x: Columns.
        rng: Generator on the CPU.
        octaves: Number of octaves.
        persistence: Ratio of the amplitudes of successive octaves.
        frequency: Pixels per lattice unit of the first octave.
        device: Where the maps are made.

    Returns:
        (n, 1, y, x) float32.
    """
    limits = torch.iinfo(torch.int64)
    seeds = torch.randint(limits.min, limits.max, (n,), generator=rng)
    vertex_x, vertex_y, rows, weights = _octave_plan(size_y, size_x, octaves, persistence, frequency, str(device))
    gradients = _gradients(vertex_x, vertex_y, permutation(seeds).to(device), torch.float32)  # (n, V, 2)
    table = gradients.permute(2, 1, 0).reshape(-1, n)  # (2 V, n): one row a component, so that all maps share a sum
    noise = torch.nn.functional.embedding_bag(rows, table, mode="sum", per_sample_weights=weights)
    return noise.T.contiguous().view(n, 1, size_y, size_x)


def gaussian_noise(
    n: int, size_y: int, size_x: int, rng: torch.Generator, *, device: torch.device | str = "cpu"
) -> Tensor:
    """White noise of unit variance, (n, 1, y, x) float32: the classical diffusion model's."""
    return torch.randn(n, 1, size_y, size_x, generator=rng).to(device)


NOISES: dict[str, Noise] = {"simplex": simplex_noise, "gaussian": gaussian_noise, "pyramid": pyramid_noise}
