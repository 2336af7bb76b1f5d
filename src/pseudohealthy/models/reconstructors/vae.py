"""Variational autoencoder (VAE): Kingma & Welling 2014; Baur et al. 2021 (arXiv 2004.03271); row `VAE` of Table 1.

The encoder states a normal distribution of the latent vector, and the loss keeps it near N(0, I):
L = mean |x - D(z)| + beta * KL, z ~ N(mu, sigma^2), KL = -1/2 sum(1 + log sigma^2 - mu^2 - sigma^2), mean over slices.
At test time z = mu. Differences from the source: see `models/autoencoder.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.autoencoder import Decoder, Encoder, check_bottleneck
from pseudohealthy.models.reconstructors.base import Reconstructor

LARGEST_LOG_VARIANCE = 10.0
"""Log variances are held in +-10, lest an untrained encoder's exponential overflow."""


@dataclass(frozen=True)
class VAESettings:
    """Settings of the VAE: 1.0 M parameters; published: widths 32, 64, 128, 128.

    Attributes:
        widths: Channels of each level; every level halves y and x.
        latent: Width of the bottleneck.
        beta: Weight of the KL divergence against the mean absolute error of a pixel.
        test_samples: How many z are drawn at test time, for scores that need several reconstructions; 0 takes the mean.
    """

    widths: tuple[int, ...] = (16, 32, 64, 64)
    latent: int = 128
    beta: float = 0.001
    test_samples: int = 0

    def __post_init__(self) -> None:
        check_bottleneck(self.widths, self.latent)
        if not 0 <= self.beta < math.inf:
            raise ValueError(f"beta {self.beta:g} is not 0 or more")
        if self.test_samples < 0:
            raise ValueError(f"test_samples {self.test_samples} is not 0 or more")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = 2 ** len(self.widths)
        return multiple


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)) in closed form (Kingma & Welling 2014, appendix B): (n, latent) -> (n,)."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1)


class VAE(Reconstructor):
    """A slice through the distribution of a narrow vector."""

    def __init__(self, settings: VAESettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings.widths, 2 * settings.latent)
        self.decoder = Decoder(settings.widths, settings.latent)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of z, (n, latent) each."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance.clamp(-LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE)

    def decode(self, z: Tensor, x: Tensor) -> Tensor:
        """The slices of latent vectors (n, latent), in the size of `x`."""
        image: Tensor = self.decoder(z, (x.shape[-2], x.shape[-1]))
        return image

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """L1 of a slice drawn from the posterior, and beta times the divergence."""
        whole, x = len(x), x[rows]
        mean, log_variance = self.encode(x)
        drawn = mean + (0.5 * log_variance).exp() * self._normal(whole, mean, rng)[rows]
        divergence = kl_divergence(mean, log_variance).mean()
        return (self.decode(drawn, x) - x).abs().mean() + self.settings.beta * divergence

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """D(mu), or the mean over `test_samples` draws."""
        return self.views(x, rng).mean(dim=0)

    def views(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """D(mu) alone, or one for each of `test_samples`; a draw of z is the same for all slices of a volume."""
        mean, log_variance = self.encode(x)
        if not self.settings.test_samples:
            return self.decode(mean, x)[None]
        sd = (0.5 * log_variance).exp()
        draws = self._normal(self.settings.test_samples, mean, rng)
        return torch.stack([self.decode(mean + sd * draw, x) for draw in draws])

    def draw(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """One reconstruction a slice from its own z."""
        whole, x = len(x), x[rows]
        mean, log_variance = self.encode(x)
        return self.decode(mean + (0.5 * log_variance).exp() * self._normal(whole, mean, rng)[rows], x)

    @staticmethod
    def _normal(n: int, like: Tensor, rng: torch.Generator) -> Tensor:
        return torch.randn(n, like.shape[1], generator=rng).to(like)
