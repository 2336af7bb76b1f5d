"""What Stage I is to the rest of the house: something that turns a slice into its pseudo-healthy reconstruction."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pseudohealthy.data.slices import EVERY


class Reconstructor(nn.Module, ABC):
    """A network trained on healthy slices alone. A new one needs `loss` and `reconstruct`.

    Slices are (slice, 1, y, x) float32, 0 = background, 1 = the top of the healthy intensity range.
    `rng` is a CPU generator; the same state gives the same result. `rows` are the slices that are worked on where a
    batch is divided between devices: random numbers are drawn for all of `x`, so that the parts make up the whole.

    Attributes:
        variant: What is added to the method's name in tables, where its settings make another method of it; may be
            empty.
        reconstructs: Whether `reconstruct` gives a pseudo-healthy slice; a method that does not gives back `x`, has an
            `anomaly_map` of its own, and no Stage II can be built on it.
    """

    variant: str = ""
    reconstructs: bool = True

    @abstractmethod
    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """Training loss of healthy slices, a scalar: the mean over `rows`."""

    @abstractmethod
    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Pseudo-healthy reconstruction of the slices of one volume, the shape of `x`."""

    def views(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """All reconstructions that the score averages, (view, slice, 1, y, x). Diffusion has one for each t."""
        return self.reconstruct(x, rng)[None]

    def draw(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """One random reconstruction of each of `rows`, what Stage II trains on. Diffusion draws t for each slice."""
        return self.reconstruct(x[rows], rng)

    def pretraining(self) -> tuple[nn.Module, int] | None:
        """A network with a `loss` like this one's, whose training improves a part of this one in place, and its steps.

        It is trained first, on the same slices; None for methods that start untrained.
        """
        return None

    def anomaly_map(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> Tensor | None:
        """The method's own map, where it does not follow from comparing x with x^.

        Args:
            x: Slices of one volume, (slice, 1, y, x).
            mask: The brain, (slice, 1, y, x) bool.
            rng: Generator on the CPU.

        Returns:
            (slice, 1, y, x) in [0, 1], higher = more anomalous; None leaves it to the recipe's `score.map`.
        """
        return None

    def validation_loss(self, x: Tensor, rng: torch.Generator) -> Tensor | None:
        """What `keep: best` minimises on healthy slices, a scalar; None is the L1 of their reconstruction."""
        return None
