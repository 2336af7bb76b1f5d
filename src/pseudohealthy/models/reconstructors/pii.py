"""Poisson image interpolation (PII) as a method: Tan et al., MICCAI 2021, arXiv 2107.02622.

A network looks at healthy slices with a seamlessly blended foreign patch (`data/pii.py`) and says how foreign each
pixel is: cross-entropy against the interpolation factor. It reconstructs nothing; its output is the anomaly map.

Differences from the source: a U-Net of skip connections (theirs: a wide residual encoder and decoder), slices of about
96 pixels (theirs: 256), half of the slices without patch (theirs: none).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.data.patches import brain_of
from pseudohealthy.data.pii import PiiAnomaly
from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.conv_unet import ConvUNet
from pseudohealthy.models.reconstructors.base import Reconstructor
from pseudohealthy.models.segmenters.unet import check_widths


@dataclass(frozen=True)
class PiiSettings:
    """Settings of PII.

    Attributes:
        unet: Channels of each level of the U-Net.
        patched: Share of training slices that get a patch (paper: 1).
    """

    unet: tuple[int, ...] = (16, 32, 64, 128)
    patched: float = 0.5

    def __post_init__(self) -> None:
        check_widths("unet", self.unet)
        if not 0 < self.patched <= 1:
            raise ValueError(f"patched {self.patched:g} is not in (0, 1]")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = 2 ** (len(self.unet) - 1)
        return multiple


class PII(Reconstructor):
    """A network that finds foreign patches in healthy slices."""

    reconstructs = False

    def __init__(self, settings: PiiSettings) -> None:
        super().__init__()
        self.paint = PiiAnomaly(probability=settings.patched)
        self.network = ConvUNet(1, settings.unet, skips=True)

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """Cross-entropy between the network's output and the interpolation factor."""
        painted, factor = (part[rows] for part in self.paint(x, brain_of(x), rng))
        return functional.binary_cross_entropy_with_logits(self.network(painted), factor)

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The slices themselves: nothing is reconstructed."""
        return x

    def anomaly_map(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> Tensor:
        """How foreign each pixel is."""
        found: Tensor = self.network(x).sigmoid()
        return found * mask

    def validation_loss(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The training loss, on the same patches each time."""
        return self.loss(x, rng)
