"""Denoising autoencoder (DAE): Kascenas et al., MIDL 2022 (PMLR 172:653-664), section 3; row `DAE` of Table 1.

Coarse Gaussian noise, e ~ N(0, sd^2) on a lattice of 16 x 16, upsampled, is added inside the brain, and a U-Net takes
it off again: L = mean (x - f(x + e))^2. At test time there is no noise: a lesion is taken for it.

Differences from the source: one contrast instead of four; the U-Net is that of Stage II, with what differs there from
the authors'; the error is averaged over the whole slice, not over the brain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.reconstructors.base import Reconstructor
from pseudohealthy.models.segmenters.unet import UNet, check_widths


@dataclass(frozen=True)
class DAESettings:
    """Settings of the DAE: 0.5 M parameters; published: widths 64, 128, 256, 512.

    Attributes:
        widths: Channels of each level of the U-Net; every level but the first halves y and x.
        noise_sd: Standard deviation of the noise on its lattice, in units of the intensity scale.
        noise_cells: Edge of the noise's lattice over a slice.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128)
    noise_sd: float = 0.2
    noise_cells: int = 16

    def __post_init__(self) -> None:
        check_widths("widths", self.widths, least=1)
        if not 0 < self.noise_sd < math.inf:
            raise ValueError(f"noise_sd {self.noise_sd:g} is not above 0")
        if self.noise_cells < 1:
            raise ValueError(f"noise_cells {self.noise_cells} is not 1 or more")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = 2 ** (len(self.widths) - 1)
        return multiple


class DAE(Reconstructor):
    """A U-Net that takes coarse noise off."""

    def __init__(self, settings: DAESettings) -> None:
        super().__init__()
        self.settings = settings
        self.unet = UNet(settings.widths, branches=1, prior=0.5)  # a prior of one half is an offset of 0

    def noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Noise maps of the size of `x`, each shifted by a random way around, 0 outside the brain."""
        cells, (size_y, size_x) = self.settings.noise_cells, x.shape[-2:]
        lattice = self.settings.noise_sd * torch.randn(len(x), 1, cells, cells, generator=rng)
        maps = functional.interpolate(lattice, (size_y, size_x), mode="bilinear", align_corners=True)
        shifts = torch.stack([torch.randint(0, size, (len(x),), generator=rng) for size in (size_y, size_x)], dim=1)
        rolled = [torch.roll(each, tuple(shift), (-2, -1)) for each, shift in zip(maps, shifts.tolist(), strict=True)]
        return torch.stack(rolled).to(x) * (x > 0)

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """Mean squared error between the clean slice and what is made of the noisy one."""
        restored: Tensor = self.unet((x + self.noise(x, rng))[rows], None)
        return (restored - x[rows]).square().mean()

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """f(x): nothing is added."""
        image: Tensor = self.unet(x, None)
        return image
