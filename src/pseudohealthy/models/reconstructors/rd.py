"""Reverse distillation (RD): Deng & Li, CVPR 2022 (arXiv 2201.10703); row `RD` of Table 1.

A frozen network (the teacher) makes features of a slice at several levels. They are squeezed through a bottleneck, and
a student grows them back, coarse to fine. It learns on healthy slices alone, so that where tissue is foreign the two
disagree: M_k = 1 - cos(teacher_k, student_k) at each position, L = sum_k mean M_k (eq. 1-2).

Differences from the source: half of an EfficientNet-Lite0 as teacher and plain convolutions as student (theirs: a Wide
ResNet-50 and its mirror image); the map is the mean of M_k, not their sum, without the Gaussian of 4 pixels (the median
filter of the score follows).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pseudohealthy.models.features import WIDTHS
from pseudohealthy.models.reconstructors.feature_method import FeatureMethod, FeatureSettings


@dataclass(frozen=True)
class RDSettings(FeatureSettings):
    """Settings of RD: 1.4 M parameters that learn; published: about 80 M.

    Attributes:
        weights: See `FeatureSettings`.
        zoom: See `FeatureSettings`.
        width: Channels of the student at its finest level; twice and four times as many at the next.
    """

    width: int = 48

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 8 or self.width % 8:
            raise ValueError(f"width {self.width} is not a multiple of 8")


def cosine_distance(teacher: Tensor, student: Tensor) -> Tensor:
    """M = 1 - cos over channels: (n, c, y, x) twice -> (n, 1, y, x), in [0, 2]."""
    return 1 - functional.cosine_similarity(teacher.float(), student.float(), dim=1, eps=1e-6)[:, None]


def conv(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, activation."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride=stride, padding=1), nn.GroupNorm(8, out), nn.SiLU(inplace=True)
    )


class RD(FeatureMethod):
    """A student that grows the teacher's features back from a bottleneck."""

    def __init__(self, settings: RDSettings) -> None:
        super().__init__(settings)
        fine, middle, coarse = settings.width, 2 * settings.width, 4 * settings.width
        first, second, third = WIDTHS
        self.to_coarse = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(first, fine, 1), conv(fine, middle, 2), conv(middle, middle, 2)),
                nn.Sequential(nn.Conv2d(second, middle, 1), conv(middle, middle, 2)),
                nn.Conv2d(third, middle, 1),
            ]
        )
        self.bottleneck = conv(3 * middle, coarse, 2)
        self.grow = nn.ModuleList([conv(coarse, coarse), conv(coarse, middle), conv(middle, fine)])
        self.heads = nn.ModuleList(
            [nn.Conv2d(width, out, 1) for width, out in zip((coarse, middle, fine), reversed(WIDTHS), strict=True)]
        )

    def student(self, teacher: list[Tensor]) -> list[Tensor]:
        """The levels again, grown from the bottleneck, fine to coarse."""
        h = self.bottleneck(
            torch.cat([squeeze(level) for squeeze, level in zip(self.to_coarse, teacher, strict=True)], 1)
        )
        grown = []
        for step, head, level in zip(self.grow, self.heads, reversed(teacher), strict=True):
            h = step(functional.interpolate(h, (level.shape[-2], level.shape[-1]), mode="nearest"))
            grown.append(head(h))
        return grown[::-1]

    def distances(self, x: Tensor) -> list[Tensor]:
        """M_k of each level, fine to coarse."""
        teacher = self.features(x)
        return [cosine_distance(*pair) for pair in zip(teacher, self.student(teacher), strict=True)]
