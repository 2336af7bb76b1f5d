"""What Stage I is to the rest of the house: something that turns a slice into its pseudo-healthy reconstruction."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Reconstructor(nn.Module, ABC):
    """A network trained on healthy slices alone. A new one needs `loss` and `reconstruct`.

    Slices are (slice, 1, y, x) float32, 0 = background, 1 = the top of the healthy intensity range.
    `rng` is a CPU generator; the same state gives the same result.
    """

    @abstractmethod
    def loss(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Training loss of healthy slices, a scalar."""

    @abstractmethod
    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Pseudo-healthy reconstruction of the slices of one volume, the shape of `x`."""

    def views(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """All reconstructions that the score averages, (view, slice, 1, y, x). Diffusion has one for each t."""
        return self.reconstruct(x, rng)[None]

    def draw(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """One random reconstruction a slice, what Stage II trains on. Diffusion draws t for each slice."""
        return self.reconstruct(x, rng)
