"""Autoencoder (AE): Baur et al., Medical Image Analysis 69, 2021 (arXiv 2004.03271), section 3; row `AE` of Table 1.

A slice passes a vector of `latent` numbers: L = mean |x - D(E(x))|. What healthy slices never show finds no room in it.
Differences from the source: see `models/autoencoder.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.autoencoder import Decoder, Encoder, check_bottleneck
from pseudohealthy.models.reconstructors.base import Reconstructor


@dataclass(frozen=True)
class AESettings:
    """Settings of the AE: 0.7 M parameters; published: widths 32, 64, 128, 128.

    Attributes:
        widths: Channels of each level; every level halves y and x.
        latent: Width of the bottleneck.
    """

    widths: tuple[int, ...] = (16, 32, 64, 64)
    latent: int = 128

    def __post_init__(self) -> None:
        check_bottleneck(self.widths, self.latent)

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = 2 ** len(self.widths)
        return multiple


class AE(Reconstructor):
    """A slice through a narrow vector."""

    def __init__(self, settings: AESettings) -> None:
        super().__init__()
        self.encoder = Encoder(settings.widths, settings.latent)
        self.decoder = Decoder(settings.widths, settings.latent)

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """L1 between the slice and its reconstruction."""
        return (self.reconstruct(x[rows], rng) - x[rows]).abs().mean()

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """D(E(x)); nothing is random."""
        image: Tensor = self.decoder(self.encoder(x), (x.shape[-2], x.shape[-1]))
        return image
