"""The U-Nets of Stage II: `unet_res` (residual and scan through one shared encoder) and `unet` (scan alone).

Behrendt et al., MIDL 2024, section 2.2 and appendix B: weight-standardised 3x3 convolutions, group normalisation, SiLU,
average pooling, transposed convolutions, a 1x1 convolution. In `unet_res` the same encoder sees the residual and the
scan; their features are concatenated at every level, and one decoder joins them.

Differences from the authors' code: `unet` is widened until it has the parameters of `unet_res` (within 10 %), so that
the residual and not the size is compared; the last bias starts at a low probability, for lesions are rare; each
convolution is normalised before its activation, not after, in 8 groups at most (theirs: up to 32), its kernels are
divided by their norm, not by their standard deviation, and slices are padded with zeros, not by reflection; an optional
pixel-unshuffle stem, like the denoiser's; on request the first convolution is a plain one (`standardise_stem`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pseudohealthy.models.segmenters.base import Segmenter


def check_widths(name: str, widths: tuple[int, ...], least: int = 2) -> None:
    """Refuse settings that no U-Net can be built from.

    Raises:
        ValueError: They are not `least` or more multiples of 4, of 8 above 32.
    """
    if len(widths) < least or any(width < 4 or width % (4 if width <= 32 else 8) for width in widths):
        raise ValueError(f"{name} {widths} are not {least} or more multiples of 4 (of 8 above 32)")


@dataclass(frozen=True)
class UNetSettings:
    """Settings of both U-Nets; the defaults are the authors' code's (the paper prints 64-128-256).

    Attributes:
        widths: Encoder channels of each level of `unet_res`; `unet` is wider, until it has as many parameters.
        prior: Probability of a lesion that the untrained network states.
        unshuffle: Edge of the pixel blocks folded into channels before the first level, and unfolded after the last; 1
            leaves pixels alone.
        standardise_stem: Standardise the kernels of the first convolution, too. Their mean is then zero, so that the
            network sees edges, and nothing of how bright the inside of a lesion is.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    prior: float = 0.02
    unshuffle: int = 1
    standardise_stem: bool = True

    def __post_init__(self) -> None:
        check_widths("widths", self.widths)
        if not 0 < self.prior < 1:
            raise ValueError(f"prior {self.prior:g} is not between 0 and 1")
        if self.unshuffle not in (1, 2, 4):
            raise ValueError(f"unshuffle {self.unshuffle} is not 1, 2 or 4")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = self.unshuffle * 2 ** (len(self.widths) - 1)
        return multiple


class StandardisedConv(nn.Conv2d):
    """3x3 convolution whose kernels have zero mean and unit norm (Qiao et al. 2019: unit variance)."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, 3, padding=1)

    def kernels(self) -> Tensor:
        """The standardised kernels, (out, channels, 3, 3)."""
        of_each = (1, 2, 3)
        centred = self.weight - self.weight.mean(of_each, keepdim=True)
        return centred * torch.rsqrt(centred.square().sum(of_each, keepdim=True) + 1e-5)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, y, x) -> (n, out, y, x)."""
        return functional.conv2d(x, self.kernels(), self.bias, padding=1)


def double_conv(channels: int, out: int) -> nn.Sequential:
    """Two convolutions, each with normalisation and activation."""
    layers: list[nn.Module] = []
    for inner in (channels, out):
        layers += [StandardisedConv(inner, out), nn.GroupNorm(min(8, out // 4), out), nn.SiLU()]
    return nn.Sequential(*layers)


class UNet(Segmenter):
    """Encoder shared by `branches` inputs, whose features are concatenated, and one decoder."""

    def __init__(
        self, widths: tuple[int, ...], branches: int, prior: float, unshuffle: int = 1, standardise_stem: bool = True
    ) -> None:
        super().__init__()
        self.uses_residual = branches == 2
        self.unshuffle = unshuffle
        pixels = unshuffle**2
        encoder = [double_conv(inner, outer) for inner, outer in pairwise((pixels, *widths))]
        if not standardise_stem:
            encoder[0][0] = nn.Conv2d(pixels, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(encoder)
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for fine, coarse in zip(reversed(widths[:-1]), reversed(widths[1:]), strict=True):
            self.up.append(nn.ConvTranspose2d(branches * coarse, branches * fine, 2, stride=2))
            self.decoder.append(double_conv(2 * branches * fine, branches * fine))
        self.head = nn.Conv2d(branches * widths[0], pixels, 1, bias=False)
        nn.init.zeros_(self.head.weight)
        self.bias = nn.Parameter(torch.logit(torch.tensor(prior)))

    def encode(self, x: Tensor) -> list[Tensor]:
        """Features of one input at every level, fine to coarse."""
        features = []
        x = functional.pixel_unshuffle(x, self.unshuffle)
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else functional.avg_pool2d(x, 2))
            features.append(x)
        return features

    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        """Logits (slice, 1, y, x); see `Segmenter.forward`."""
        features = self.encode(x)
        if self.uses_residual:
            if residual is None:
                raise TypeError("unet_res needs the residual x - x^")
            features = [torch.cat(pair, dim=1) for pair in zip(self.encode(residual), features, strict=True)]
        h = features.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            h = block(torch.cat([up(h), features.pop()], dim=1))
        return self._logits(h)

    def views(self, x: Tensor, residuals: Tensor) -> Tensor:
        """`forward` for each residual; what depends on the scan alone is computed once.

        Those are the scan's features, and, since a convolution is linear, their share of the first one at every level.
        """
        if not self.uses_residual:
            return super().views(x, residuals)
        features = self.encode(x)
        (first, *_), decoder = self._upwards()
        coarsest, channels = features.pop(), first.in_channels // 2  # the residual's half, then the scan's
        raised = functional.conv_transpose2d(coarsest, first.weight[channels:], stride=2)
        shares = [_share(block[0], features.pop()) for block in decoder]
        return torch.stack([self._decode(self.encode(residual), raised, shares) for residual in residuals])

    def _decode(self, features: list[Tensor], raised: Tensor, shares: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Logits from the features of a residual and what `views` knows of the scan."""
        (first, *_), decoder = self._upwards()
        coarsest = features.pop()
        h = functional.conv_transpose2d(coarsest, first.weight[: coarsest.shape[1]], first.bias, stride=2) + raised
        for level, (block, (kernels, share)) in enumerate(zip(decoder, shares, strict=True)):
            h = torch.cat([self.up[level](h) if level else h, features.pop()], dim=1)
            h = block[1:](functional.conv2d(h, kernels, padding=1) + share)
        return self._logits(h)

    def _logits(self, h: Tensor) -> Tensor:
        return functional.pixel_shuffle(self.head(h), self.unshuffle) + self.bias

    def _upwards(self) -> tuple[list[nn.ConvTranspose2d], list[nn.Sequential]]:
        return cast("list[nn.ConvTranspose2d]", list(self.up)), cast("list[nn.Sequential]", list(self.decoder))


def _share(convolution: nn.Module, scan: Tensor) -> tuple[Tensor, Tensor]:
    """The kernels of all channels but the last, which are the scan's, and what these contribute."""
    first, channels = cast(StandardisedConv, convolution), scan.shape[1]
    kernels = first.kernels()
    return kernels[:, :-channels], functional.conv2d(scan, kernels[:, -channels:], first.bias, padding=1)


def unet_res(settings: UNetSettings) -> UNet:
    """The siamese U-Net on residual and scan."""
    return UNet(settings.widths, 2, settings.prior, settings.unshuffle, settings.standardise_stem)


def unet(settings: UNetSettings) -> UNet:
    """The U-Net on the scan alone, widened to the parameters of `unet_res`."""
    with torch.device("meta"):
        wanted = _parameters(unet_res(settings))
        candidates = {tuple(_wider(width, percent) for width in settings.widths) for percent in range(100, 200, 2)}
        sizes = {each: _parameters(UNet(each, 1, settings.prior, settings.unshuffle)) for each in candidates}
        widths = min(candidates, key=lambda each: (abs(sizes[each] - wanted), each))
    return UNet(widths, 1, settings.prior, settings.unshuffle, settings.standardise_stem)


def _wider(width: int, percent: int) -> int:
    wider = 4 * round(width * percent / 100 / 4)
    return wider if wider <= 32 else 8 * round(width * percent / 100 / 8)  # group normalisation divides the channels


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
