"""A strong supervised network that knows no reconstruction: the 2-D U-Net of nnU-Net, as MONAI's DynUNet.

Isensee et al., Nature Methods 2021: 3x3 convolutions, instance normalisation, leaky ReLU, strided downsampling,
transposed convolutions; loss Dice + cross-entropy at every resolution but the two coarsest, weights 1, 1/2, 1/4, ...
summing to one (deep supervision); one Dice over the whole batch.

What it lacks of nnU-Net: what is derived there from the data (patch, spacing, depth of the network), its augmentation
(rotations, scaling, elastic deformation, low resolution), SGD at 0.01 over 1000 epochs, oversampled foreground, the 3-D
and cascaded networks, five folds and their ensemble, mirrored test images. Training is the recipe's. One output with a
sigmoid stands for two with a softmax.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.models.segmenters.base import Segmenter

SMOOTH = 1e-5


@dataclass(frozen=True)
class NnUNetSettings:
    """Settings of `nnunet_2d`.

    Attributes:
        features: Channels of each level, four or more (nnU-Net: doubled from 32 up to 512).
    """

    features: tuple[int, ...] = (32, 64, 128, 256)

    def __post_init__(self) -> None:
        if len(self.features) < 4 or min(self.features) < 1:
            raise ValueError(f"features {self.features} are not four or more numbers above 0")


class NnUNet(Segmenter):
    """nnU-Net's 2-D network on the scan alone."""

    uses_residual = False

    def __init__(self, settings: NnUNetSettings) -> None:
        super().__init__()
        from monai.networks.nets.dynunet import DynUNet  # seconds to import: only this segmenter pays

        levels = len(settings.features)
        self.network = DynUNet(
            spatial_dims=2,
            in_channels=1,
            out_channels=1,
            kernel_size=[3] * levels,
            strides=[1] + [2] * (levels - 1),
            upsample_kernel_size=[2] * (levels - 1),
            filters=settings.features,
            deep_supervision=True,
            deep_supr_num=levels - 3,
        )
        del self.network.skip_layers  # the same blocks under a second name, which no weight file may hold twice

    def levels(self, x: Tensor) -> list[Tensor]:
        """Logits at every supervised resolution, (slice, 1, y / 2^i, x / 2^i)."""
        skips = [self.network.input_block(x)]
        for block in self.network.downsamples:
            skips.append(block(skips[-1]))
        h = self.network.bottleneck(skips[-1])
        features: list[Tensor] = []
        for block in self.network.upsamples:
            h = block(h, skips.pop())
            features.insert(0, h)  # the finest comes last out of the network, and first here
        heads = (self.network.output_block, *self.network.deep_supervision_heads)
        return [head(feature) for head, feature in zip(heads, features, strict=False)]

    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        """Logits (slice, 1, y, x) at full resolution; see `Segmenter.forward`."""
        return self.levels(x)[0]

    def loss(self, x: Tensor, residual: Tensor | None, label: Tensor, weight: Tensor) -> Tensor:
        """Dice + cross-entropy, summed over resolutions; labels and weights are taken there from the nearest pixel."""
        logits = self.levels(x)
        shares = torch.tensor([0.5**level for level in range(len(logits))])
        total = logits[0].new_zeros(())
        for each, share in zip(logits, (shares / shares.sum()).tolist(), strict=True):
            at_level = [functional.interpolate(part, each.shape[-2:], mode="nearest") for part in (label, weight)]
            total = total + share * dice_and_cross_entropy(each, *at_level)
        return total


def dice_and_cross_entropy(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """`-2 sum(p y) / (sum p + sum y) + cross-entropy`, pixels weighted, one Dice for the whole batch.

    Args:
        logits: (n, 1, y, x).
        label: y in [0, 1], same shape.
        weight: 0 takes a pixel out of both terms, same shape.

    Returns:
        A scalar, -1 at best.
    """
    with torch.autocast(logits.device.type, enabled=False):  # sums over a whole batch
        logits, label, weight = logits.float(), label.float(), weight.float()
        p = logits.sigmoid() * weight
        overlap = (p * label).sum()
        dice = (2 * overlap + SMOOTH) / (p.sum() + (label * weight).sum() + SMOOTH)
        return functional.binary_cross_entropy_with_logits(logits, label, weight=weight) - dice
