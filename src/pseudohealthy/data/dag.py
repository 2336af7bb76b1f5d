"""Disentangled anomaly generation (DAG): Naval Marimont et al., DISYRE v2, 2024, arXiv 2407.06635, section 2.2.

What a lesion is like is drawn in three independent parts. Its shape s, soft, in [0, 1]. Its texture: a piece of another
place of another slice, stretched to the intensities it covers, `x (1 - a s) + a s foreign` (after foreign patch
interpolation as in DISYRE, arXiv 2311.15453). Its bias: tissues of some intensities are shifted, `x +- b s m`, where m
says which. Each part has its own strength a, b, uniform; `corrupt` gives the larger of what they did, the grade
from which a restorer learns.

Differences from the source: shapes are ellipses with outlines roughened by Perlin noise and soft edges (theirs:
squares, spheres and a library of lesion masks); each part is left out with a probability of its own; the label is the
shape times the grade (the source needs none).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.data.patches import ellipse_depth, foreign, moved, random_pixels, soft_step
from pseudohealthy.data.perlin import perlin_noise

MAX_INTENSITY = 1.5
LEVELS = (0.0, 0.4, 0.6, 0.8, 1.0)
"""Intensities that stand for classes of tissue; a pixel belongs to the nearest (theirs: k-means of their scans)."""


@dataclass(frozen=True)
class DagAnomaly:
    """Lesion-like shapes with foreign texture and shifted intensity. Lengths are pixels (2 mm on the model grids).

    Attributes:
        probability: Share of slices that get an anomaly.
        texture: Share of anomalies with foreign texture.
        bias: Share of anomalies with shifted intensity; those that drew neither get both.
        most: Largest number of pieces in one slice (1 to `most`, all equally likely).
        radius: Smallest and largest mean radius (log-uniform).
        elongation: Largest ratio of a piece's axes.
        roughness: Largest displacement of the outline, as a share of the radius.
        edge: Smallest and largest width of the soft edge, from full strength to none.
        strength: Smallest and largest a, and b (source: 0 to 1; a label wants something to see).
    """

    probability: float = 0.5
    texture: float = 0.75
    bias: float = 0.75
    most: int = 3
    radius: tuple[float, float] = (2.0, 16.0)
    elongation: float = 2.5
    roughness: float = 1.0
    edge: tuple[float, float] = (1.0, 8.0)
    strength: tuple[float, float] = (0.1, 1.0)

    def __call__(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Paint anomalies. See `AnomalyGenerator`.

        Returns:
            Painted slices in [0, 1.5], and labels (n, 1, y, x): shape times grade, in [0, 1].
        """
        painted, shape, grade = self.corrupt(x, mask, rng)
        return painted, shape * grade

    def corrupt(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Painted slices, their shapes s (n, 1, y, x), and grades (n, 1, 1, 1) in [0, 1]: 0 is untouched."""
        shape = self._shapes(mask, rng)
        with_texture, with_bias, *strength = torch.rand(4, len(x), 1, 1, 1, generator=rng)
        textured, biased = with_texture < self.texture, with_bias < self.bias
        neither = ~(textured | biased)
        low, high = self.strength
        factor, shift = (
            ((low + (high - low) * each) * (taken | neither)).to(x.device)
            for each, taken in zip(strength, (textured, biased), strict=True)
        )
        patch, known = self._foreign_patch(x, mask, shape, rng)
        shape = shape * (known | (factor == 0))  # where the foreign brain ends, so does the lesion
        weight = factor * shape
        mixed = (1 - weight) * x + weight * patch
        painted = (mixed + shift * shape * self._tissues(mixed, shape, rng)).clamp(0, MAX_INTENSITY)
        painted = torch.where(shape > 0, painted, x)
        shifted = (painted - mixed).abs().amax((2, 3), keepdim=True).clamp_max(1)
        return painted, shape, torch.maximum(factor * (weight.amax((2, 3), keepdim=True) > 0), shifted)

    def _shapes(self, mask: Tensor, rng: torch.Generator) -> Tensor:
        """Soft shapes inside the brain, (n, 1, y, x); empty where a slice gets no anomaly."""
        n, (size_y, size_x) = len(mask), mask.shape[-2:]
        present, number, rough, width = torch.rand(4, n, 1, 1, 1, generator=rng).to(mask.device).unbind()
        size, place, ratio, turn = torch.rand(4, n, self.most, 1, 1, generator=rng).to(mask.device).unbind()
        edge_length = math.ceil(math.hypot(size_y, size_x))
        cells = 2 ** torch.randint(2, 5, (n, 1), generator=rng).expand(-1, 2)
        noise = perlin_noise(n, edge_length, edge_length, cells, rng, device=mask.device)[..., :size_y, :size_x]
        radius = self.radius[0] * (self.radius[1] / self.radius[0]) ** size
        depth = ellipse_depth(mask, torch.stack((place, ratio, turn)), radius, self.elongation)
        depth = depth + radius * (2 * self.roughness * rough * noise).clamp_min(-0.8)  # the centre stays inside
        edge = self.edge[0] + (self.edge[1] - self.edge[0]) * width
        drawn = torch.arange(self.most, device=mask.device).view(1, -1, 1, 1) < (number * self.most).floor() + 1
        strongest = (soft_step(depth, edge) * drawn).amax(1, keepdim=True)
        return strongest * mask * (present < self.probability)

    @staticmethod
    def _foreign_patch(x: Tensor, mask: Tensor, shape: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Another place of another slice, stretched to the range of what the shape covers, and where it is brain."""
        other, other_mask = foreign(x, mask, rng)
        places = torch.rand(2, len(x), 1, 1, 1, generator=rng).to(x.device)
        patch, known = moved(
            other, other_mask, random_pixels(shape > 0, places[0]), random_pixels(other_mask, places[1])
        )
        covered = (shape > 0) & known
        low, high = _range(x, covered)
        patch_low, patch_high = _range(patch, covered)
        return (patch - patch_low) / (patch_high - patch_low).clamp_min(1e-3) * (high - low) + low, known

    @staticmethod
    def _tissues(x: Tensor, shape: Tensor, rng: torch.Generator) -> Tensor:
        """Where intensities shift and which way: a random sign, on randomly chosen levels, smoothed; (n, 1, y, x)."""
        sign = torch.randint(0, 2, (len(x), 1, 1, 1), generator=rng).to(x.device) * 2 - 1
        draw = torch.rand(len(x), len(LEVELS), 1, 1, generator=rng).to(x.device)
        levels = torch.tensor(LEVELS, device=x.device).view(1, -1, 1, 1)
        nearest = (x - levels).abs().argmin(1, keepdim=True) == torch.arange(len(LEVELS), device=x.device).view(
            1, -1, 1, 1
        )
        share = (nearest & (shape > 0)).sum((2, 3), keepdim=True) / (shape > 0).sum((2, 3), keepdim=True).clamp_min(1)
        chosen = draw < share
        chosen = chosen | ~chosen.any(1, keepdim=True)  # none: all
        taken = (nearest & chosen).any(1, keepdim=True).to(x.dtype)
        return sign * functional.avg_pool2d(taken, 3, stride=1, padding=1, count_include_pad=False)


def _range(x: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest value under a mask, (n, 1, 1, 1) each; both 0 where it is empty."""
    low = x.masked_fill(~where, math.inf).amin((2, 3), keepdim=True)
    high = x.masked_fill(~where, -math.inf).amax((2, 3), keepdim=True)
    empty = ~where.any(3, keepdim=True).any(2, keepdim=True)
    return low.masked_fill(empty, 0.0), high.masked_fill(empty, 0.0)
