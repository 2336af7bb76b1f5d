"""Encoder and decoder around a dense bottleneck, for the autoencoders of Stage I (Baur et al. 2021, section 3).

Differences from the source: group normalisation and SiLU in place of batch normalisation and leaky ReLU, and features
are brought to a square of fixed size before the dense layer, so that slices of any size pass.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

CELLS = 6
"""Edge of the square of features that the dense layer sees: with four levels, that of a slice of 96 x 96 itself."""


def check_bottleneck(widths: tuple[int, ...], latent: int) -> None:
    """Refuse settings that no network can be built from.

    Raises:
        ValueError: They are not.
    """
    if not widths or any(width < 4 or width % 4 for width in widths):
        raise ValueError(f"widths {widths} are not multiples of 4")
    if latent < 1:
        raise ValueError(f"latent {latent} is not 1 or more")


class Encoder(nn.Module):
    """Strided convolutions and one dense layer: a slice becomes a vector.

    Args:
        widths: Channels of each level; every level halves y and x.
        out: Width of the vector.
    """

    def __init__(self, widths: tuple[int, ...], out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inner, outer in pairwise((1, *widths)):
            layers += [nn.Conv2d(inner, outer, 3, stride=2, padding=1), nn.GroupNorm(4, outer), nn.SiLU()]
        self.features = nn.Sequential(*layers)
        self.dense = nn.Linear(widths[-1] * CELLS**2, out)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, y, x) -> (n, out)."""
        features = functional.interpolate(self.features(x), (CELLS, CELLS), mode="bilinear", align_corners=False)
        vector: Tensor = self.dense(features.flatten(1))
        return vector


class Decoder(nn.Module):
    """The way back: a dense layer, then convolutions between upsamplings.

    Args:
        widths: Channels of each level of the encoder, from fine to coarse.
        latent: Width of the vector.
    """

    def __init__(self, widths: tuple[int, ...], latent: int) -> None:
        super().__init__()
        self.top, self.levels = widths[-1], len(widths)
        self.dense = nn.Linear(latent, widths[-1] * CELLS**2)
        layers: list[nn.Module] = []
        for inner, outer in pairwise((*reversed(widths), widths[0])):
            layers += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inner, outer, 3, padding=1)]
            layers += [nn.GroupNorm(4, outer), nn.SiLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Conv2d(widths[0], 1, 3, padding=1)

    def forward(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        """(n, latent) -> (n, 1, y, x) of the given size (y, x), a multiple of 2 to the number of levels."""
        coarse = (size[0] >> self.levels, size[1] >> self.levels)
        features = self.dense(z).view(len(z), self.top, CELLS, CELLS)
        image: Tensor = self.head(
            self.features(functional.interpolate(features, coarse, mode="bilinear", align_corners=False))
        )
        return image
