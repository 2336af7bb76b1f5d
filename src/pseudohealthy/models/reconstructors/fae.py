"""Structural feature autoencoder (FAE): Meissen et al., arXiv 2208.10992; row `FAE` of Table 1.

An autoencoder on the features F of a frozen network instead of on intensities: L = mean (1 - SSIM(F, D(E(F)))) / 2,
in two dimensions, channel by channel. The map is the same quantity at each position, averaged over channels.

Differences from the source: features of an EfficientNet-Lite0 (theirs: a ResNet-18), the finer two levels instead of
three, each compared at its own size (theirs: at that of the finest); group normalisation and SiLU, no dropout; SSIM in
flat windows of 5 with the range 6 of the features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from pseudohealthy.models.features import STRIDES, TOP, WIDTHS
from pseudohealthy.models.reconstructors.feature_method import FeatureMethod, FeatureSettings

WINDOW = 5
C1, C2 = (0.01 * TOP) ** 2, (0.03 * TOP) ** 2


@dataclass(frozen=True)
class FAESettings(FeatureSettings):
    """Settings of the FAE: 0.4 M parameters that learn; published: widths 100, 150, 200, 300.

    Attributes:
        weights: See `FeatureSettings`.
        zoom: See `FeatureSettings`.
        widths: Channels of each level of the autoencoder, three or more; every level but the first halves y and x.
    """

    widths: tuple[int, ...] = (48, 64, 96, 128)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.widths) < 3 or any(width < 8 or width % 8 for width in self.widths):
            raise ValueError(f"widths {self.widths} are not three or more multiples of 8")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        coarsest: int = STRIDES[0] * 2 ** (len(self.widths) - 1)
        return coarsest // math.gcd(coarsest, self.zoom)


def structural_distance(a: Tensor, b: Tensor) -> Tensor:
    """(1 - SSIM) / 2 in a flat window of 5 x 5, channel by channel: two (n, c, y, x) -> the same shape, in [0, 1]."""

    def mean(values: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.pad(values, (WINDOW // 2,) * 4, mode="reflect"), WINDOW, stride=1)

    a, b = a.float(), b.float()
    mean_a, mean_b = mean(a), mean(b)
    covariance = mean(a * b) - mean_a * mean_b
    variances = mean(a * a + b * b) - mean_a**2 - mean_b**2
    similarity = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    similarity = similarity / ((mean_a**2 + mean_b**2 + C1) * (variances + C2))
    return ((1 - similarity) / 2).clamp(0, 1)


class FAE(FeatureMethod):
    """An autoencoder of frozen features."""

    def __init__(self, settings: FAESettings) -> None:
        super().__init__(settings)
        fine, coarse, *deeper = settings.widths
        self.enter_fine = nn.Conv2d(WIDTHS[0], fine, 1)
        self.enter_coarse = nn.Conv2d(WIDTHS[1], coarse, 1)
        self.down = down(fine, coarse)
        self.encoder = nn.Sequential(*(down(*pair) for pair in pairwise((coarse, *deeper))))
        self.decoder = nn.Sequential(*(up(*pair) for pair in pairwise((*reversed(deeper), coarse))))
        self.up = up(coarse, fine)
        self.leave_coarse = nn.Sequential(nn.GroupNorm(8, coarse), nn.SiLU(), nn.Conv2d(coarse, WIDTHS[1], 1))
        self.leave_fine = nn.Sequential(nn.GroupNorm(8, fine), nn.SiLU(), nn.Conv2d(fine, WIDTHS[0], 1))

    def restored(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """D(E(F)): both levels again, through the narrowest level of the autoencoder."""
        h = self.down(self.enter_fine(fine)) + self.enter_coarse(coarse)
        h = self.decoder(self.encoder(h))
        return self.leave_fine(self.up(h)), self.leave_coarse(h)

    def distances(self, x: Tensor) -> list[Tensor]:
        """(1 - SSIM) / 2 of each level and its reconstruction, averaged over channels."""
        levels = self.features(x)[:2]
        return [
            structural_distance(level, restored).mean(dim=1, keepdim=True)
            for level, restored in zip(levels, self.restored(*levels), strict=True)
        ]


def down(channels: int, out: int) -> nn.Sequential:
    """Half the size."""
    return nn.Sequential(nn.GroupNorm(8, channels), nn.SiLU(), nn.Conv2d(channels, out, 3, stride=2, padding=1))


def up(channels: int, out: int) -> nn.Sequential:
    """Twice the size."""
    return nn.Sequential(
        nn.GroupNorm(8, channels), nn.SiLU(), nn.Upsample(scale_factor=2.0), nn.Conv2d(channels, out, 3, padding=1)
    )
