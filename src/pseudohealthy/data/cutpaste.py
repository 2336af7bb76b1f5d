"""CutPaste: Li et al., CVPR 2021, arXiv 2104.04015, section 2.2: a piece of the slice in a wrong place of the slice.

Half of the pieces are rectangles, pasted as they are; half are thin "scars", pasted at an angle. Brightness and
contrast of a piece change a little. Pasted values are pixels of the same slice: no texture is new, its place is.

Differences from the source: pieces are cut from the brain and pasted into it, and shown where both are brain; lengths
are those of slices of about 96 pixels (theirs: of photographs of 256); the paper classifies whole images, here every
pasted pixel is labelled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pseudohealthy.data.patches import moved, offsets, random_pixels

MAX_INTENSITY = 1.5


@dataclass(frozen=True)
class CutPasteAnomaly:
    """Pasted pieces on a batch of slices.

    Attributes:
        probability: Share of slices that get a piece.
        area: Smallest and largest area of a rectangle, as a share of the image (paper: 0.02 to 0.15).
        aspect: Largest ratio of a rectangle's sides (paper: 3.3).
        scar: Share of the pieces that are scars.
        scar_length: Smallest and largest length of a scar, as a share of the image's height (paper: 10 to 25 of 256).
        scar_width: Smallest and largest width of a scar in pixels.
        scar_degrees: Largest angle of a scar (paper: 45).
        jitter: Largest change of brightness, and of contrast, of a piece (paper: 0.1).
    """

    probability: float = 0.5
    area: tuple[float, float] = (0.02, 0.15)
    aspect: float = 3.3
    scar: float = 0.5
    scar_length: tuple[float, float] = (0.1, 0.3)
    scar_width: tuple[float, float] = (2.0, 6.0)
    scar_degrees: float = 45.0
    jitter: float = 0.1

    def __call__(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Paste pieces. See `AnomalyGenerator`.

        Returns:
            Painted slices in [0, 1.5], and labels (n, 1, y, x): 1 where something was pasted, else 0.
        """
        present, *draws = torch.rand(9, len(x), 1, 1, 1, generator=rng).to(x.device)
        to_place, from_place, kind, *shape, brightness, contrast = draws
        half_y, half_x, angle = self._sizes(x, kind < self.scar, *shape)
        to, source = random_pixels(mask, to_place), random_pixels(mask, from_place)
        values, known = moved(x, mask, to, source, angle)
        dy, dx = offsets(x, *to)
        along, across = angle.cos() * dy - angle.sin() * dx, angle.sin() * dy + angle.cos() * dx
        piece = (along.abs() <= half_y) & (across.abs() <= half_x) & known & mask & (present < self.probability)
        middle = (values * piece).sum((2, 3), keepdim=True) / piece.sum((2, 3), keepdim=True).clamp_min(1)
        bright, steep = (1 + self.jitter * (2 * u - 1) for u in (brightness, contrast))
        pasted = (bright * (steep * values + (1 - steep) * middle)).clamp(0, MAX_INTENSITY)
        return torch.where(piece, pasted, x), piece.to(x.dtype)

    def _sizes(
        self, x: Tensor, scar: Tensor, size: Tensor, ratio: Tensor, turn: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Half height, half width and angle of each piece, (n, 1, 1, 1); one draw serves both kinds."""
        size_y, size_x = x.shape[-2:]
        area = size_y * size_x * (self.area[0] + (self.area[1] - self.area[0]) * size)
        stretch = self.aspect ** (2 * ratio - 1)
        length = size_y * (self.scar_length[0] + (self.scar_length[1] - self.scar_length[0]) * size)
        width = self.scar_width[0] + (self.scar_width[1] - self.scar_width[0]) * ratio
        turned = math.radians(self.scar_degrees) * (2 * turn - 1)
        half_y = torch.where(scar, length, (area * stretch).sqrt()) / 2
        half_x = torch.where(scar, width, (area / stretch).sqrt()) / 2
        return half_y, half_x, torch.where(scar, turned, 0.0)
