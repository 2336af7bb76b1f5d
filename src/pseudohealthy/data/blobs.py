"""Coarse blobs: a few smooth-edged ellipses of one contrast, darker or brighter than the tissue they lie in.

Coarse, low-frequency corruption is the idea of the denoising autoencoder of Kascenas et al. (MIDL 2022); here it has an
outline, so that it can serve as a label. Unlike DRAEM's texture the tissue shows through, as in many lesions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pseudohealthy.data.patches import ellipse_depth, soft_step

MAX_INTENSITY = 1.5


@dataclass(frozen=True)
class BlobAnomaly:
    """Intensity blobs on a batch of slices. Lengths are pixels (2 mm on the model grids).

    Attributes:
        probability: Share of slices that get blobs.
        most: Largest number of blobs in one slice (1 to `most`, all equally likely).
        radius: Smallest and largest mean radius (log-uniform; the ellipse's axes multiply to its square).
        elongation: Largest ratio of the axes.
        edge: Smallest and largest width of the soft edge, from full strength to none.
        darker: Smallest and largest factor of a dark blob.
        brighter: Smallest and largest factor of a bright blob.
        shift: Smallest and largest intensity added to (bright) or taken from (dark) the tissue, where a blob adds
            instead of multiplying; half of the slices do. All blobs of one slice have the same contrast.
    """

    probability: float = 0.5
    most: int = 4
    radius: tuple[float, float] = (1.5, 12.0)
    elongation: float = 2.5
    edge: tuple[float, float] = (1.0, 3.0)
    darker: tuple[float, float] = (0.3, 0.8)
    brighter: tuple[float, float] = (1.25, 1.7)
    shift: tuple[float, float] = (0.15, 0.45)

    def __call__(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Paint blobs.

        Args:
            x: (n, 1, y, x) intensities in [0, 1.5], 0 = background.
            mask: (n, 1, y, x) bool, the brain; every blob's centre lies inside it.
            rng: Generator on the CPU. What it draws does not depend on the images.

        Returns:
            Painted slices in [0, 1.5], and labels (n, 1, y, x): 1 where a blob has at least half its strength, else 0.
        """
        n = len(x)
        present, number = torch.rand(2, n, 1, 1, 1, generator=rng).to(x.device)
        contrast = torch.rand(5, n, 1, 1, 1, generator=rng).to(x.device)
        shape = torch.rand(5, n, self.most, 1, 1, generator=rng).to(x.device)
        strength = self._ellipses(mask, shape)
        drawn = torch.arange(self.most, device=x.device).view(1, -1, 1, 1) < (number * self.most).floor() + 1
        strength = (strength * drawn).amax(1, keepdim=True) * mask * (present < self.probability)
        painted = x + strength * (self._other(x, contrast) - x)  # exactly x where the strength is 0
        return painted, (strength >= 0.5).to(x.dtype)

    def _ellipses(self, mask: Tensor, u: Tensor) -> Tensor:
        """Strength of each blob, 1 inside to 0 outside: mask (n, 1, y, x), u (5, n, most, 1, 1) -> (n, most, y, x)."""
        place, size, ratio, turn, width = u
        radius = self.radius[0] * (self.radius[1] / self.radius[0]) ** size
        edge = self.edge[0] + (self.edge[1] - self.edge[0]) * width
        return soft_step(ellipse_depth(mask, torch.stack((place, ratio, turn)), radius, self.elongation), edge)

    def _other(self, x: Tensor, u: Tensor) -> Tensor:
        """What the tissue looks like inside a blob: x (n, 1, y, x), u (5, n, 1, 1, 1) -> (n, 1, y, x) in [0, 1.5]."""
        bright, adds = u[0] < 0.5, u[1] < 0.5
        dark_factor, bright_factor, shift = (
            low + (high - low) * draw
            for (low, high), draw in zip((self.darker, self.brighter, self.shift), u[2:], strict=True)
        )
        multiplied = x * torch.where(bright, bright_factor, dark_factor)
        added = x + torch.where(bright, shift, -shift)
        return torch.where(adds, added, multiplied).clamp(0, MAX_INTENSITY)
