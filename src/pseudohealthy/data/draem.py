"""Anomalies after DRAEM (Zavrtanik et al., ICCV 2021; paper, section 3.2): noise-shaped patches of foreign texture.

Stated choices, and what differs from the authors' code:

* the mask lies inside the brain; a slice has an anomaly with probability `probability` (theirs: every slice, and masks
  reach outside the brain);
* the threshold that binarises the Perlin noise is random (theirs: 0.5). It is the quantile of the noise inside the
  brain that leaves a log-uniform share of the brain's pixels above it, so small lesions are as common as large ones
  and no anomaly is empty;
* the cells of the shape's noise are not smaller than 1/16 of the image's diagonal (DRAEM: 1/32 of its sides, which on
  a small brain is confetti) and at most four times as long as wide (DRAEM: 32 times, which gives scratches); its
  lattice is turned by a random angle (as in DRAEM);
* the texture is Perlin noise too, at another resolution, because no photographs of textures are shipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pseudohealthy.data.perlin import perlin_noise
from pseudohealthy.data.texture import random_texture


def blend(x: Tensor, texture: Tensor, mask: Tensor, opacity: Tensor | float) -> Tensor:
    """`I' = (1 - M) I + (1 - g) M I + g M texture` (paper, section 3.2).

    Args:
        x: Image I, (n, 1, y, x).
        texture: What the anomaly looks like, same shape.
        mask: M in [0, 1], same shape.
        opacity: g in [0, 1], a number or (n, 1, 1, 1).

    Returns:
        I', same shape; exactly `x` where M = 0.
    """
    return (1 - mask) * x + (1 - opacity) * mask * x + opacity * mask * texture


@dataclass(frozen=True)
class DraemAnomaly:
    """DRAEM anomalies on a batch of slices.

    Attributes:
        probability: Share of slices that get an anomaly.
        area: Smallest and largest share of the slice's brain that it covers (log-uniform between them).
        opacity: Smallest and largest g (paper: 0.2 to 1).
        log2_cells: Smallest and largest power of two of the shape's Perlin cells along the image's diagonal (DRAEM: 0
            to 5 along its sides).
        texture_log2_cells: The same of the texture.
        log2_stretch: Largest difference between the powers along the two sides.
    """

    probability: float = 0.5
    area: tuple[float, float] = (0.003, 0.3)
    opacity: tuple[float, float] = (0.2, 1.0)
    log2_cells: tuple[int, int] = (1, 4)
    texture_log2_cells: tuple[int, int] = (1, 6)
    log2_stretch: int = 2

    def __call__(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Paint anomalies. See `AnomalyGenerator`.

        Returns:
            Painted slices in [0, 1.5], and labels (n, 1, y, x) with 1 where something was painted, else 0.
        """
        n = len(x)
        present, share, opacity = torch.rand(3, n, 1, 1, 1, generator=rng)
        share = self.area[0] * (self.area[1] / self.area[0]) ** share
        opacity = self.opacity[0] + (self.opacity[1] - self.opacity[0]) * opacity
        noise = self._turned_noise(x, self.log2_cells, rng)
        texture = random_texture(self._turned_noise(x, self.texture_log2_cells, rng), rng)
        inside = top_share(noise, mask, share.to(x.device)) & (present < self.probability).to(x.device)
        label = inside.to(x.dtype)
        return blend(x, texture, label, opacity.to(x.device)), label

    def _turned_noise(self, x: Tensor, log2_cells: tuple[int, int], rng: torch.Generator) -> Tensor:
        """Perlin noise whose lattice has random numbers of cells and a random direction, in the shape of `x`.

        Without the turn all shapes would lie along the image's axes, which a network learns at once.
        """
        n, _, size_y, size_x = x.shape
        least, most = log2_cells
        first = torch.randint(least, most + 1, (n,), generator=rng)
        stretch = torch.randint(-self.log2_stretch, self.log2_stretch + 1, (n,), generator=rng)
        angle = (torch.pi * (torch.rand(n, 1, 1, generator=rng) - 0.5)).to(x.device)
        edge = math.ceil(math.hypot(size_y, size_x))  # the smallest square that covers the image in every direction
        cells = 2 ** torch.stack((first, (first + stretch).clamp(least, most)), 1)
        noise = perlin_noise(n, edge, edge, cells, rng, device=x.device)
        dy = (torch.arange(size_y, device=x.device) - (size_y - 1) / 2)[:, None] * (2 / edge)
        dx = (torch.arange(size_x, device=x.device) - (size_x - 1) / 2) * (2 / edge)
        turned = torch.stack((angle.cos() * dx - angle.sin() * dy, angle.sin() * dx + angle.cos() * dy), -1)
        return torch.nn.functional.grid_sample(noise, turned, padding_mode="border", align_corners=False)


def top_share(noise: Tensor, mask: Tensor, share: Tensor) -> Tensor:
    """The pixels of a mask where noise is highest: noise above the quantile `1 - share` inside the mask.

    Args:
        noise: (n, 1, y, x).
        mask: (n, 1, y, x) bool.
        share: (n, 1, 1, 1) in (0, 1].

    Returns:
        (n, 1, y, x) bool: `ceil(share * pixels of the mask)` of them (more where values tie; none where the mask is
        empty).
    """
    inside = noise.masked_fill(~mask, -math.inf)
    count = mask.sum((1, 2, 3), keepdim=True)
    last = ((share * count).ceil().long() - 1).clamp_min(0)
    threshold = inside.flatten(1).sort(1, descending=True).values.gather(1, last.flatten(1))
    return (inside >= threshold.view_as(last)) & mask
