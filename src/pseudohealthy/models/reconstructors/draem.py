"""DRAEM-Net: Zavrtanik et al., ICCV 2021, arXiv 2108.07610, section 3.

Two networks learn together from painted healthy slices. The reconstructive one, an autoencoder without skip
connections, is given the painted slice and has the clean one as its target: `L2 + lambda (1 - SSIM)` (eq. 1, 2). The
discriminative one, a U-Net, is given the painted slice and its reconstruction and finds the paint: focal loss
(section 3.3). Its probability is the method's own map; nothing is compared by a fixed distance.

Differences from the source: small widths (theirs: 128 to 1024 and 64 to 512), weight-standardised convolutions with
group normalisation, one output channel with a sigmoid instead of two with a softmax, and the anomalies of
`data/draem.py`. Where paint ends is known exactly, so nothing smooths the map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.data.draem import DraemAnomaly
from pseudohealthy.data.patches import brain_of
from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.conv_unet import ConvUNet
from pseudohealthy.models.reconstructors.base import Reconstructor
from pseudohealthy.models.segmenters.unet import check_widths
from pseudohealthy.models.ssim_loss import ssim_loss


@dataclass(frozen=True)
class DraemSettings:
    """Settings of DRAEM-Net; the widths train in minutes on a processor.

    Attributes:
        reconstructive: Channels of each level of the reconstructive network (published: 128, 256, 512, 1024, 1024).
        discriminative: Channels of each level of the discriminative network (published: 64, 128, 256, 512, 512).
        ssim_weight: lambda, the weight of the SSIM loss (paper: 1).
        focus: gamma of the focal loss (paper: 2).
    """

    reconstructive: tuple[int, ...] = (32, 64, 128, 128)
    discriminative: tuple[int, ...] = (16, 32, 64, 128)
    ssim_weight: float = 1.0
    focus: float = 2.0

    def __post_init__(self) -> None:
        check_widths("reconstructive", self.reconstructive)
        check_widths("discriminative", self.discriminative)
        if not 0 <= self.ssim_weight < math.inf:
            raise ValueError(f"ssim_weight {self.ssim_weight:g} is not 0 or more")
        if self.focus != 0 and not 1 <= self.focus < math.inf:  # else its gradient may be infinite
            raise ValueError(f"focus {self.focus:g} is neither 0 nor 1 or more")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = 2 ** (max(len(self.reconstructive), len(self.discriminative)) - 1)
        return multiple


class DRAEM(Reconstructor):
    """A reconstructive and a discriminative network, trained on painted healthy slices."""

    def __init__(self, settings: DraemSettings) -> None:
        super().__init__()
        self.settings = settings
        self.reconstructive = ConvUNet(1, settings.reconstructive, skips=False)
        self.discriminative = ConvUNet(2, settings.discriminative, skips=True)
        self.paint = DraemAnomaly(probability=0.5)

    def losses(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> tuple[Tensor, Tensor, Tensor]:
        """L2 and 1 - SSIM between reconstruction and clean slice, and the focal loss of the paint, each a scalar."""
        painted, label = (part[rows] for part in self.paint(x, brain_of(x), rng))
        x = x[rows]
        x_hat = self.reconstructive(painted)
        logits = self.discriminative(torch.cat((painted, x_hat), dim=1))
        return (x_hat - x).square().mean(), ssim_loss(x_hat, x), focal_loss(logits, label, self.settings.focus)

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """The sum of the three (paper, eq. 4)."""
        l2, ssim, focal = self.losses(x, rng, rows)
        return l2 + self.settings.ssim_weight * ssim + focal

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Output of the reconstructive network."""
        x_hat: Tensor = self.reconstructive(x)
        return x_hat

    def anomaly_map(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> Tensor:
        """Output of the discriminative network, a probability."""
        found: Tensor = self.discriminative(torch.cat((x, self.reconstructive(x)), dim=1)).sigmoid()
        return found * mask

    def validation_loss(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The training loss, on the same paint each time."""
        return self.loss(x, rng)


def focal_loss(logits: Tensor, label: Tensor, focus: float) -> Tensor:
    """Mean of `-(1 - p)^gamma log p`, p the probability given to the truth (Lin et al. 2017, eq. 4).

    Args:
        logits: Any shape.
        label: 0 or 1, same shape.
        focus: gamma; 0 is the cross-entropy.
    """
    surprise = functional.binary_cross_entropy_with_logits(logits, label, reduction="none")  # -log p
    return ((1 - (-surprise).exp()) ** focus * surprise).mean()
