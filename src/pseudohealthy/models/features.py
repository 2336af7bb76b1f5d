"""Frozen features of a network that learned from photographs: the first half of EfficientNet-Lite0.

Tan & Le 2019 (arXiv 1905.11946), in the variant with ReLU6 and without squeeze-and-excitation. Three levels of the
inside of its blocks (after expansion and ReLU6, so that every value is in [0, 6]), at a quarter, an eighth and a
sixteenth of the image. The batch normalisations are folded into the convolutions: nothing here learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (144, 240, 480)
"""Channels of the levels."""
TOP = 6.0
"""Largest value of a feature."""
STRIDES = (4, 8, 16)
BLOCKS = (  # channels in, expanded, out, kernel, stride
    (32, 32, 16, 3, 1),
    (16, 96, 24, 3, 2),
    (24, 144, 24, 3, 1),
    (24, 144, 40, 5, 2),
    (40, 240, 40, 5, 1),
    (40, 240, 80, 3, 2),
    (80, 480, 80, 3, 1),
)
LEVELS = (2, 4, 6)
"""The blocks whose inside is a level; nothing behind the expansion of the last is needed."""
NORM_EPSILON = 1e-3


class SameConv(nn.Conv2d):
    """Convolution whose output has the input's size over the stride, padded at the end first, as TensorFlow pads."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride=stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, y, x) -> (n, out, y / stride, x / stride), rounded up."""
        pads = []
        for size, kernel, stride in zip(reversed(x.shape[-2:]), reversed(self.kernel_size), self.stride, strict=True):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(x, pads))


class Block(nn.Module):
    """An inverted residual block: expanded by a 1 x 1 convolution, convolved channel by channel, projected."""

    def __init__(self, channels: int, expanded: int, out: int, kernel: int, stride: int, *, last: bool) -> None:
        super().__init__()
        self.expand_conv = SameConv(channels, expanded, 1) if expanded > channels else None
        self.skips = stride == 1 and channels == out
        if not last:
            self.depthwise_conv = SameConv(expanded, expanded, kernel, stride, groups=expanded)
            self.project_conv = SameConv(expanded, out, 1)

    def expanded(self, x: Tensor) -> Tensor:
        """The inside of the block, in [0, 6]."""
        return x if self.expand_conv is None else functional.relu6(self.expand_conv(x))

    def projected(self, inside: Tensor, x: Tensor) -> Tensor:
        """The block's output, from its inside and its input."""
        out: Tensor = self.project_conv(functional.relu6(self.depthwise_conv(inside)))
        return out + x if self.skips else out


class Features(nn.Module):
    """The frozen network; its weights come from `load_checkpoint`, or with a model folder.

    Args:
        zoom: Slices are enlarged so many times first: the network learned from larger images.
    """

    def __init__(self, zoom: int) -> None:
        super().__init__()
        self.zoom = zoom
        self.conv_stem = SameConv(3, 32, 3, stride=2)
        self.blocks = nn.ModuleList(Block(*shape, last=i == len(BLOCKS) - 1) for i, shape in enumerate(BLOCKS))
        self.requires_grad_(False)

    def load_checkpoint(self, checkpoint: Mapping[str, Tensor]) -> None:
        """Take the weights of an EfficientNet-Lite0, whose keys are `_conv_stem.weight`, `_blocks.0._bn1.bias`, ...

        Raises:
            KeyError: A weight is missing.
            RuntimeError: A weight has another shape.
        """
        self.load_state_dict({key: value for name in self._convs() for key, value in folded(checkpoint, name).items()})

    def _convs(self) -> list[str]:
        return [name for name, module in self.named_modules() if isinstance(module, SameConv)]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Slices (n, 1, y, x) in [0, 1.5] -> the levels from fine to coarse, each (n, channels, y', x') in [0, 6].

        Above 1 everything looks alike: the network has learned from photographs, whose brightest is 1.
        """
        size = [self.zoom * edge for edge in x.shape[-2:]]
        image = functional.interpolate(x.clamp(0, 1), size, mode="bilinear", align_corners=False)
        h = functional.relu6(self.conv_stem(((255 * image - 127) / 128).expand(-1, 3, -1, -1)))
        levels = []
        for i, module in enumerate(self.blocks):
            block = cast(Block, module)
            inside = block.expanded(h)
            if i in LEVELS:
                levels.append(inside)
            if i < len(BLOCKS) - 1:
                h = block.projected(inside, h)
        return levels


def folded(checkpoint: Mapping[str, Tensor], conv: str) -> dict[str, Tensor]:
    """Weight and bias of a convolution and the batch normalisation behind it, as one convolution."""
    prefix = "".join(f"_{part}." if not part.isdigit() else f"{part}." for part in conv.split(".")[:-1])
    last = conv.split(".")[-1]
    norm = {"conv_stem": "_bn0", "expand_conv": "_bn0", "depthwise_conv": "_bn1", "project_conv": "_bn2"}[last]
    weight = checkpoint[f"{prefix}_{last}.weight"]
    scale, shift, mean, variance = (
        checkpoint[f"{prefix}{norm}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / torch.sqrt(variance + NORM_EPSILON)
    return {f"{conv}.weight": weight * factor.view(-1, 1, 1, 1), f"{conv}.bias": shift - mean * factor}
