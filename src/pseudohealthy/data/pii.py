"""Poisson image interpolation (PII): Tan et al., MICCAI 2021, arXiv 2107.02622, section 2.

A square of another person's slice is blended in seamlessly. Between neighbours p and q inside the square, the blend's
difference is `(1 - a)(x_p - x_q)` or `a (foreign_p - foreign_q)`, whichever is larger in size (eq. 3 of Perez et al.'s
mixed gradients, weighted); the values follow from Poisson's equation with the slice itself as the border. The factor a
is the label, as in FPI, but no edge gives the patch away.

Differences from the source: those of `fpi.py`; a patch keeps one pixel away from the brain's edge, whose step it would
scale.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pseudohealthy.data.fpi import FpiAnomaly
from pseudohealthy.data.patches import eroded, foreign
from pseudohealthy.data.poisson import differences, divergence, poisson_blend

MAX_INTENSITY = 1.5


class PiiAnomaly(FpiAnomaly):
    """Seamless foreign patches on a batch of slices; places and factors are those of `FpiAnomaly`."""

    def __call__(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Blend patches in. See `AnomalyGenerator`.

        Returns:
            Painted slices in [0, 1.5], and labels (n, 1, y, x): the factor inside the patch, else 0.
        """
        other, other_mask = foreign(x, mask, rng)
        label = self.factors(eroded(mask & other_mask), rng)
        edge = math.ceil(self.width[1] * x.shape[-2]) + 1
        window = _around(label > 0, edge + 2)
        near, near_other, near_label = (each.flatten(1).gather(1, window) for each in (x, other, label))
        shape = (len(x), 1, *_window_size(x, edge + 2))
        near, near_other, near_label = near.view(shape), near_other.view(shape), near_label.view(shape)
        factor = near_label.amax((2, 3), keepdim=True)
        wanted = divergence(*mixed_differences(near, near_other, factor))
        blended = poisson_blend(near, wanted, near_label > 0, iterations=2 * edge).clamp(0, MAX_INTENSITY)
        return x.flatten(1).scatter(1, window, blended.flatten(1)).view_as(x), label


def mixed_differences(x: Tensor, other: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
    """The guidance field: of the two slices' weighted differences the larger, along y and along x.

    Args:
        x: (n, 1, y, x).
        other: The foreign slice, same shape.
        factor: a, (n, 1, 1, 1): weight of the foreign slice; `1 - a` is that of `x`.
    """
    own = [(1 - factor) * each for each in differences(x)]
    others = [factor * each for each in differences(other)]
    along_y, along_x = (torch.where(a.abs() > b.abs(), a, b) for a, b in zip(own, others, strict=True))
    return along_y, along_x


def _window_size(x: Tensor, edge: int) -> tuple[int, int]:
    return min(edge, x.shape[-2]), min(edge, x.shape[-1])


def _around(region: Tensor, edge: int) -> Tensor:
    """Indices, into an image's pixels, of a window that holds the region and a border: (n, 1, y, x) -> (n, pixels).

    The patch covers a small part of the image, and solving on its window alone is several times as fast.
    """
    size_y, size_x = region.shape[-2:]
    tall, wide = _window_size(region, edge)
    first_y = (region.any(3).flatten(1).float().argmax(1) - 1).clamp(0, size_y - tall)
    first_x = (region.any(2).flatten(1).float().argmax(1) - 1).clamp(0, size_x - wide)
    rows = first_y[:, None] + torch.arange(tall, device=region.device)
    columns = first_x[:, None] + torch.arange(wide, device=region.device)
    return (rows[:, :, None] * size_x + columns[:, None, :]).flatten(1)
