"""Patched diffusion model (pDDPM): Behrendt et al., MIDL 2023 (PMLR 227; arXiv 2303.03758); row `pDDPM` of Table 1.

Only a patch of the slice is noised; the rest stays as it is and is the context from which the patch is restored:
x~_t = M x_t + (1 - M) x, L = |x - f(x~_t, t)| inside the patch M. At test time patches tile the slice, each is restored
in its turn, and where they overlap the restorations are averaged.

Differences from the authors' code: where the slice is no multiple of the patch, the last patch of a row lies at the
border and overlaps the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.diffusion import from_signed, to_signed
from pseudohealthy.models.reconstructors.one_step import DiffusionSettings, OneStep


@dataclass(frozen=True)
class PDDPMSettings(DiffusionSettings):
    """Settings of the pDDPM; the defaults train in minutes on a processor, see `DiffusionSettings`.

    Attributes:
        test_steps: The t whose reconstructions are averaged at test time; published: 500 alone.
        patch: Edge of the noised patch in pixels; published: 48 in slices of 96 x 96.
        stride: Pixels between neighbouring patches at test time; below `patch` they overlap.
    """

    test_steps: tuple[int, ...] = (500,)
    patch: int = 48
    stride: int = 48

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch < 1:
            raise ValueError(f"patch {self.patch} is not 1 or more")
        if not 1 <= self.stride <= self.patch:
            raise ValueError(f"stride {self.stride} is not from 1 to the patch's edge, {self.patch}")


def starts(size: int, patch: int, stride: int) -> list[int]:
    """First pixel of each patch along an axis: every `stride` pixels, and the last at the border."""
    last = max(size - patch, 0)
    return [*range(0, last, stride), last]


class PDDPM(OneStep):
    """One-step estimates of one patch after the other, in the context of the rest of the slice."""

    def __init__(self, settings: PDDPMSettings) -> None:
        super().__init__(settings)
        self.patch, self.stride = settings.patch, settings.stride

    def grid(self, x: Tensor) -> list[tuple[int, int]]:
        """First row and column of every patch over slices of the size of `x`."""
        rows, columns = (starts(size, self.patch, self.stride) for size in x.shape[-2:])
        return [(row, column) for row in rows for column in columns]

    def inside(self, x: Tensor, corners: list[tuple[int, int]]) -> Tensor:
        """Masks of patches, (corner, 1, y, x) bool."""
        masks = torch.zeros(len(corners), 1, *x.shape[-2:], dtype=torch.bool, device=x.device)
        for mask, (row, column) in zip(masks, corners, strict=True):
            mask[:, row : row + self.patch, column : column + self.patch] = True
        return masks

    def restored(self, x: Tensor, noise: Tensor, t: Tensor, inside: Tensor) -> Tensor:
        """f(x~_t, t): the slices with the patches `inside` (n or 1, 1, y, x) noised alone, denoised."""
        signed = to_signed(x)
        estimate: Tensor = self.denoiser(torch.where(inside, self.diffusion.add_noise(signed, noise, t), signed), t)
        return from_signed(estimate)

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """L1 inside one patch of the test-time grid, drawn for each slice, on the [-1, 1] scale."""
        t = self.diffusion.random_steps(len(x), rng)
        corners = self.grid(x)
        drawn = torch.randint(0, len(corners), (len(x),), generator=rng).tolist()
        noise = self.noise(len(x), x, rng)[rows]
        x, t = x[rows], t[rows]
        inside = self.inside(x, [corners[i] for i in drawn[rows]])
        error = (x - self.restored(x, noise, t, inside)).abs()
        return 2 * error[inside].mean()

    def estimate(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """All patches restored, one after the other, and averaged where they overlap."""
        total, count = torch.zeros_like(x), torch.zeros_like(x[:1])
        for inside in self._patches(x):
            total = total + self.restored(x, noise, t, inside) * inside
            count = count + inside
        return total / count

    def _patches(self, x: Tensor) -> Iterator[Tensor]:
        for corner in self.grid(x):
            yield self.inside(x, [corner])

    def _denoised(self, x: Tensor, condition: Tensor | None, noise: Tensor, t: Tensor) -> Tensor:
        return self.estimate(x, noise, t)
