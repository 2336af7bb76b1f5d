"""Encoders of the condition: a noise-free slice -> one vector that carries the subject's appearance to the denoiser."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

EncoderName = Literal["resnet50", "small"]


class SmallEncoder(nn.Module):
    """Four strided convolutions and a global average: for recipes of about a thousand steps on a CPU."""

    def __init__(self, width: int, channels: int = 32) -> None:
        super().__init__()
        widths = [16, channels, 2 * channels, 4 * channels, 4 * channels]
        layers: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            layers += [nn.Conv2d(inner, outer, 3, stride=2, padding=1), nn.GroupNorm(8, outer), nn.SiLU()]
        self.features = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1], width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, y, x) -> (n, width)."""
        features: Tensor = self.features(functional.pixel_unshuffle(x, 4))
        vector: Tensor = self.out(features.mean(dim=(2, 3)))
        return vector

    def levels(self, x: Tensor) -> list[Tensor]:
        """Features after each convolution, fine to coarse, (n, channels, y / 8, x / 8) and so on."""
        features = [functional.pixel_unshuffle(x, 4)]
        for layer in self.features:
            features.append(layer(features[-1]))
        return features[3::3]


def feature_levels(encoder: nn.Module, x: Tensor) -> list[Tensor]:
    """Features of either encoder at each of its four levels, fine to coarse."""
    if isinstance(encoder, SmallEncoder):
        return encoder.levels(x)
    for name in ("conv1", "bn1", "act", "maxpool"):
        x = encoder.get_submodule(name)(x)
    features = [x]
    for name in ("layer1", "layer2", "layer3", "layer4"):
        features.append(encoder.get_submodule(name)(features[-1]))
    return features[1:]


def condition_encoder(name: EncoderName, width: int) -> nn.Module:
    """The encoder of a recipe: `resnet50` is the paper's (MONAI's network, 23.5 M parameters), untrained."""
    if name == "small":
        return SmallEncoder(width)
    from monai.networks.nets.resnet import resnet50  # seconds to import: only the paper recipe pays

    network: nn.Module = resnet50(
        pretrained=False, spatial_dims=2, n_input_channels=1, num_classes=width, conv1_t_stride=2
    )
    return network
