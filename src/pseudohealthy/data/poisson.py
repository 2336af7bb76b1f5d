"""Seamless blending: an image with prescribed differences inside a region that joins the old image at its edge.

Perez et al., "Poisson image editing", SIGGRAPH 2003, eq. 7: inside the region the Laplacian is the divergence of a
guidance field, outside the image stays. All slices of a batch are solved at once by conjugate gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor


def differences(x: Tensor) -> tuple[Tensor, Tensor]:
    """To the next row and to the next column: (n, 1, y, x) -> (n, 1, y - 1, x) and (n, 1, y, x - 1)."""
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


def divergence(along_y: Tensor, along_x: Tensor) -> Tensor:
    """Sum of what each pixel's differences to its four neighbours lead to; of `differences(x)` the Laplacian of x.

    Differences beyond the image's border count as zero.
    """
    size = (*along_y.shape[:2], along_x.shape[2], along_y.shape[3])
    total = along_y.new_zeros(size)
    total[..., :-1, :] += along_y
    total[..., 1:, :] -= along_y
    total[..., :-1] += along_x
    total[..., 1:] -= along_x
    return total


def poisson_blend(x: Tensor, wanted: Tensor, region: Tensor, iterations: int) -> Tensor:
    """The image that equals `x` outside a region and has a given Laplacian inside it.

    Args:
        x: (n, 1, y, x) float32.
        wanted: The Laplacian (`divergence` of a guidance field), same shape; read inside the region alone.
        region: (n, 1, y, x) bool; it must not touch the image's border.
        iterations: Of conjugate gradients. Twice the region's width leaves an error of about 1e-4.

    Returns:
        (n, 1, y, x); exactly `x` outside the region.
    """
    inside = region.to(x.dtype)
    change = torch.zeros_like(x)  # what is added to x: zero outside the region
    rest = (divergence(*differences(x)) - wanted) * inside
    direction = rest
    size = (rest * rest).sum((1, 2, 3), keepdim=True)
    for _ in range(iterations):
        image = -divergence(*differences(direction)) * inside
        step = size / (direction * image).sum((1, 2, 3), keepdim=True).clamp_min(1e-30)  # 0 / 1e-30 once it is solved
        change = change + step * direction
        rest = rest - step * image
        before, size = size, (rest * rest).sum((1, 2, 3), keepdim=True)
        direction = rest + size / before.clamp_min(1e-30) * direction
    return x + change
