"""What generators of anomalies share: places in the brain, other people's slices, moved images, simple shapes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def random_pixels(mask: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels drawn uniformly from each mask: (n, 1, y, x), u in [0, 1) (n, k, 1, 1) -> row and column (n, k, 1, 1).

    An empty mask gives the last pixel of the image.
    """
    rank = mask.flatten(1).cumsum(1)  # the j-th pixel of the mask is the first of rank j
    wanted = (u.flatten(1) * rank[:, -1:]).long() + 1
    pixel = torch.searchsorted(rank, wanted).clamp_max(rank.shape[1] - 1).view_as(u)
    width = mask.shape[-1]
    return pixel // width, pixel % width


def foreign(x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Another slice of the batch for each slice, and its mask; the mirror image of a slice that is alone.

    Slices are paired in a random circle, so none meets itself.

    Args:
        x: (n, 1, y, x).
        mask: (n, 1, y, x) bool.
        rng: Generator on the CPU.
    """
    circle = torch.randperm(len(x), generator=rng)
    if len(x) == 1:
        return x.flip(-1), mask.flip(-1)
    partner = torch.empty_like(circle)
    partner[circle] = circle.roll(1)
    return x[partner], mask[partner]


def offsets(image: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns from a pixel (n, k, 1, 1): (n, k, y, 1) and (n, k, 1, x)."""
    size_y, size_x = image.shape[-2:]
    dy = torch.arange(size_y, device=image.device).view(-1, 1) - row
    return dy, torch.arange(size_x, device=image.device) - column


def rectangle(image: Tensor, row: Tensor, column: Tensor, half_y: Tensor, half_x: Tensor) -> Tensor:
    """Pixels at most `half_y` rows and `half_x` columns from a pixel, all (n, 1, 1, 1): (n, 1, y, x) bool."""
    dy, dx = offsets(image, row, column)
    return (dy.abs() <= half_y) & (dx.abs() <= half_x)


def moved(
    x: Tensor, mask: Tensor, to: tuple[Tensor, Tensor], source: tuple[Tensor, Tensor], angle: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The image, turned about `source` and moved so that this pixel comes to lie at `to`. No value is interpolated.

    Args:
        x: (n, 1, y, x).
        mask: (n, 1, y, x) bool.
        to: Row and column, (n, 1, 1, 1) whole numbers.
        source: Row and column, (n, 1, 1, 1) whole numbers.
        angle: Radians, (n, 1, 1, 1); none turns nothing.

    Returns:
        The nearest pixel's value and mask for each pixel; the mask is False for what comes from outside the image.
    """
    size_y, size_x = x.shape[-2:]
    dy, dx = offsets(x, *to)
    if angle is not None:
        dy, dx = (
            (angle.cos() * dy - angle.sin() * dx).round().long(),
            (angle.sin() * dy + angle.cos() * dx).round().long(),
        )
    row, column = dy + source[0], dx + source[1]
    inside = (row >= 0) & (row < size_y) & (column >= 0) & (column < size_x)
    pixel = (row.clamp(0, size_y - 1) * size_x + column.clamp(0, size_x - 1)).flatten(1)
    values, known = (each.flatten(1).gather(1, pixel).view_as(x) for each in (x, mask))
    return values, known & inside


def ellipse_depth(mask: Tensor, u: Tensor, radius: Tensor, elongation: float) -> Tensor:
    """Pixels from the outline of a random ellipse with its centre in the mask, positive inside.

    Args:
        mask: (n, 1, y, x) bool.
        u: (3, n, k, 1, 1) in [0, 1): centre, ratio of the axes, direction.
        radius: (n, k, 1, 1) mean radius: the axes multiply to its square.
        elongation: Largest ratio of the axes.

    Returns:
        (n, k, y, x); the distance is measured after the ellipse was stretched into a circle.
    """
    place, ratio, turn = u
    dy, dx = offsets(mask, *random_pixels(mask, place))
    angle, stretch = torch.pi * turn, elongation ** (ratio / 2)
    along = (dx * angle.cos() + dy * angle.sin()) / stretch
    across = (dy * angle.cos() - dx * angle.sin()) * stretch
    return radius - torch.hypot(along, across)


def soft_step(depth: Tensor, width: Tensor) -> Tensor:
    """0 to 1 over `width` pixels around depth 0, one half at 0."""
    ramp = (depth / width + 0.5).clamp(0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def eroded(mask: Tensor) -> Tensor:
    """Pixels of the mask whose eight neighbours belong to it too; (n, 1, y, x) bool. The image's border does not."""
    outside = functional.pad((~mask).float(), (1, 1, 1, 1), value=1.0)
    return functional.max_pool2d(outside, 3, stride=1) == 0


def brain_of(x: Tensor) -> Tensor:
    """The brain of slices whose background is exactly 0, gaps of up to four pixels closed: (n, 1, y, x) bool."""
    grown = functional.max_pool2d((x > 0).float(), 5, stride=1, padding=2)
    return -functional.max_pool2d(-grown, 5, stride=1, padding=2) > 0.5
