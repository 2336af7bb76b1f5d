"""A plain encoder and decoder of convolutions, with skip connections (a U-Net) or without (an autoencoder)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from pseudohealthy.models.segmenters.unet import double_conv


class ConvUNet(nn.Module):
    """Two convolutions a level, average pooling, bilinear upsampling, a 1x1 convolution.

    Args:
        channels: Of the input.
        widths: Channels of each level, from fine to coarse; see `check_widths`.
        skips: Whether the decoder sees the encoder's features; without them everything passes the coarsest level.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], *, skips: bool) -> None:
        super().__init__()
        self.skips = skips
        self.encoder = nn.ModuleList(double_conv(inner, outer) for inner, outer in pairwise((channels, *widths)))
        self.decoder = nn.ModuleList(
            double_conv(coarse + fine if skips else coarse, fine) for coarse, fine in pairwise(reversed(widths))
        )
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, y, x) -> (n, 1, y, x), y and x multiples of 2 to the number of levels less one."""
        kept: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else functional.avg_pool2d(x, 2))
            kept.append(x)
        kept.pop()
        for block in self.decoder:
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat((x, kept.pop()), dim=1) if self.skips else x)
        out: Tensor = self.head(x)
        return out
