"""A strong supervised network that knows no reconstruction: the U-Net of nnU-Net, as MONAI's DynUNet, in 2-D or 3-D.

Isensee et al., Nature Methods 2021: convolutions of edge 3, instance normalisation, leaky ReLU, strided downsampling,
transposed convolutions; loss Dice + cross-entropy at every resolution but the two coarsest, weights 1, 1/2, 1/4, ...
summing to one (deep supervision); one Dice over the whole batch. In 3-D the network sees slabs of whole slices, whose
height is halved as nnU-Net halves an axis: as long as 4 voxels are left.

What it lacks of nnU-Net: what is derived there from the data (patch, spacing, depth of the network), its augmentation
(rotations, scaling, elastic deformation, low resolution), SGD at 0.01 over 1000 epochs, oversampled foreground, the
cascaded network, five folds and their ensemble, mirrored test images; in 3-D also the size of its patches and the
Gaussian weights of overlapping ones. Training is the recipe's. One output with a sigmoid stands for two with a softmax.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.data.single_precision import single_precision
from pseudohealthy.models.segmenters.base import Segmenter

SMOOTH = 1e-5
LOWEST_SLAB = 4  # slices that halving leaves


@dataclass(frozen=True)
class NnUNetSettings:
    """Settings of `nnunet_2d`.

    Attributes:
        features: Channels of each level, four or more (nnU-Net: doubled from 32 up to 512).
    """

    features: tuple[int, ...] = (32, 64, 128, 256)

    def __post_init__(self) -> None:
        _refuse_features(self.features)

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = 2 ** (len(self.features) - 1)
        return multiple


@dataclass(frozen=True)
class NnUNet3dSettings:
    """Settings of `nnunet_3d`.

    Attributes:
        features: Channels of each level, four or more (nnU-Net: doubled from 32 up to 320).
        slab: Neighbouring slices that the network sees together, two or more.
    """

    features: tuple[int, ...] = (32, 64, 128, 256)
    slab: int = 8

    def __post_init__(self) -> None:
        _refuse_features(self.features)
        if self.slab < 2:
            raise ValueError(f"slab {self.slab} is not 2 or more: single slices are for nnunet_2d")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = 2 ** (len(self.features) - 1)
        return multiple


class NnUNet(Segmenter):
    """nnU-Net's network on the scan alone."""

    uses_residual = False

    def __init__(self, settings: NnUNetSettings | NnUNet3dSettings) -> None:
        super().__init__()
        from monai.networks.nets.dynunet import DynUNet  # seconds to import: only this segmenter pays

        levels = len(settings.features)
        self.slab = settings.slab if isinstance(settings, NnUNet3dSettings) else 1
        halved = halvings(self.slab, levels - 1)
        self.network = DynUNet(
            spatial_dims=2 if self.slab == 1 else 3,
            in_channels=1,
            out_channels=1,
            kernel_size=[3] * levels,
            strides=[1, *halved],
            upsample_kernel_size=halved,
            filters=settings.features,
            deep_supervision=True,
            deep_supr_num=levels - 3,
        )
        del self.network.skip_layers  # the same blocks under a second name, which no weight file may hold twice

    def levels(self, x: Tensor) -> list[Tensor]:
        """Logits at every supervised resolution: slices, (slice, 1, y / 2^i, x / 2^i), or slabs.

        Args:
            x: (slice, 1, y, x), or (slab, 1, z, y, x).
        """
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
        logits = self.levels(self._stacked(x))[0]
        return logits if self.slab == 1 else logits.transpose(1, 2).flatten(0, 1)

    def loss(self, x: Tensor, residual: Tensor | None, label: Tensor, weight: Tensor) -> Tensor:
        """Dice + cross-entropy, summed over resolutions; labels and weights are taken there from the nearest pixel."""
        logits, label, weight = self.levels(self._stacked(x)), self._stacked(label), self._stacked(weight)
        shares = torch.tensor([0.5**level for level in range(len(logits))])
        total = logits[0].new_zeros(())
        for each, share in zip(logits, (shares / shares.sum()).tolist(), strict=True):
            at_level = [functional.interpolate(part, each.shape[2:], mode="nearest") for part in (label, weight)]
            total = total + share * dice_and_cross_entropy(each, *at_level)
        return total

    def _stacked(self, slices: Tensor) -> Tensor:
        """(slice, 1, y, x) to slabs (slab, 1, z, y, x); unchanged where single slices are seen."""
        return slices if self.slab == 1 else slices.view(-1, self.slab, *slices.shape[1:]).transpose(1, 2)


def halvings(slab: int, levels: int) -> list[int] | list[tuple[int, int, int]]:
    """Strides from each level to the next: 2 along y and x; along z as long as an even slab keeps `LOWEST_SLAB` slices.

    Args:
        slab: Slices at the finest level; 1 is a network of slices, which has no z.
        levels: How many coarser levels there are.
    """
    if slab == 1:
        return [2] * levels
    strides = []
    for _ in range(levels):
        along_z = 2 if slab % 2 == 0 and slab >= 2 * LOWEST_SLAB else 1
        slab //= along_z
        strides.append((along_z, 2, 2))
    return strides


def dice_and_cross_entropy(logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """`-2 sum(p y) / (sum p + sum y) + cross-entropy`, pixels weighted, one Dice for the whole batch.

    Args:
        logits: (n, 1, y, x) or (n, 1, z, y, x).
        label: y in [0, 1], same shape.
        weight: 0 takes a pixel out of both terms, same shape.

    Returns:
        A scalar, -1 at best.
    """
    with single_precision():  # sums over a whole batch
        logits, label, weight = logits.float(), label.float(), weight.float()
        p = logits.sigmoid() * weight
        overlap = (p * label).sum()
        dice = (2 * overlap + SMOOTH) / (p.sum() + (label * weight).sum() + SMOOTH)
        return functional.binary_cross_entropy_with_logits(logits, label, weight=weight) - dice


def _refuse_features(features: tuple[int, ...]) -> None:
    if len(features) < 4 or min(features) < 1:
        raise ValueError(f"features {features} are not four or more numbers above 0")
