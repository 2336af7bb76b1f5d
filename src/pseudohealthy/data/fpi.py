"""Foreign patch interpolation (FPI): Tan et al., 2020, arXiv 2011.04197, section 3.

A square of another person's slice is mixed into the slice at the same place, `(1 - a) x + a foreign`, and the factor a
itself is the label: how foreign a pixel is.

Differences from the source: the other slice is any slice of the batch, not the one at the same height; a patch's centre
lies in both brains (theirs: in the middle 80 % of the image), and it shows where both brains are, so that no background
is mixed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pseudohealthy.data.patches import foreign, random_pixels, rectangle


@dataclass(frozen=True)
class FpiAnomaly:
    """Foreign patches on a batch of slices.

    Attributes:
        probability: Share of slices that get a patch.
        width: Smallest and largest edge of the square, as a share of the image's height.
        factor: Smallest and largest interpolation factor, the label.
    """

    probability: float = 0.5
    width: tuple[float, float] = (0.1, 0.4)
    factor: tuple[float, float] = (0.05, 0.95)

    def __call__(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Paint patches. See `AnomalyGenerator`.

        Returns:
            Painted slices in [0, 1.5], and labels (n, 1, y, x): the factor inside the patch, else 0.
        """
        other, other_mask = foreign(x, mask, rng)
        label = self.factors(mask & other_mask, rng)
        return (1 - label) * x + label * other, label

    def factors(self, where: Tensor, rng: torch.Generator) -> Tensor:
        """The factor inside a random square and a mask, 0 elsewhere: (n, 1, y, x) bool -> (n, 1, y, x) float."""
        present, place, size, share = torch.rand(4, len(where), 1, 1, 1, generator=rng).to(where.device).unbind()
        half = where.shape[-2] * (self.width[0] + (self.width[1] - self.width[0]) * size) / 2
        factor = self.factor[0] + (self.factor[1] - self.factor[0]) * share
        patch = rectangle(where, *random_pixels(where, place), half, half) & where & (present < self.probability)
        return factor * patch
