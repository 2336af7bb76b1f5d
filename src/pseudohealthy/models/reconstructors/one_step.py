"""What the diffusion models have in common: noise, the one-step estimate of x_0, its loss, and the views of a volume.

Trained on healthy scans, a denoiser predicts the noise-free slice x_0 from a noised one x_t (Behrendt et al., MIDL
2024, eq. 1-3). A lesion does not survive the noise; what the model puts in its place is healthy tissue.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pseudohealthy.data.noise import NOISES
from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.denoiser import Denoiser, check_denoiser
from pseudohealthy.models.diffusion import STEPS, Diffusion, from_signed, to_signed
from pseudohealthy.models.reconstructors.base import Reconstructor


@dataclass(frozen=True)
class DiffusionSettings:
    """Settings that every diffusion model has; the defaults train in minutes on a processor (1.3 M parameters).

    Published: widths 128, 256, 256, 3 blocks, no unshuffle, noise scale 1.

    Attributes:
        widths: Channels of each level of the denoiser.
        blocks: Residual blocks a level.
        unshuffle: Edge of the pixel blocks folded into channels before the first level; 1 leaves pixels alone.
        noise: Name of the noise (`data/noise.py`): `simplex` (paper), `gaussian` or `pyramid`.
        noise_scale: Factor on the noise maps; 1 is the paper's raw simplex sum (sd about 0.58), 1.75 unit variance.
        test_steps: The t whose reconstructions are averaged at test time; a t that stands twice has two noise maps.
    """

    widths: tuple[int, ...] = (32, 64, 64)
    blocks: int = 1
    unshuffle: int = 2
    noise: str = "simplex"
    noise_scale: float = 1.75
    test_steps: tuple[int, ...] = (250, 500, 750)

    def __post_init__(self) -> None:
        check_denoiser(self.widths, self.blocks, self.unshuffle)
        if self.noise not in NOISES:
            raise ValueError(f"noise {self.noise!r} is none of {', '.join(NOISES)}")
        if not 0 <= self.noise_scale < math.inf:
            raise ValueError(f"noise_scale {self.noise_scale:g} is not 0 or more")
        if not self.test_steps or not all(1 <= t <= STEPS for t in self.test_steps):
            raise ValueError(f"test_steps {self.test_steps} are not steps from 1 to {STEPS}")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = self.unshuffle * 2 ** (len(self.widths) - 1)
        return multiple


class OneStep(Reconstructor):
    """One-step x_0 estimates of a diffusion model.

    Args:
        settings: See there.
        encoder: What tells the denoiser about the slice without noise; None for an unconditioned model.
        condition: Width of what the encoder gives.
    """

    def __init__(self, settings: DiffusionSettings, encoder: nn.Module | None = None, condition: int = 0) -> None:
        super().__init__()
        self.settings = settings
        self.diffusion = Diffusion()
        self.encoder = encoder
        self.denoiser = Denoiser(settings.widths, settings.blocks, condition, settings.unshuffle)

    def condition(self, x: Tensor) -> Tensor | None:
        """What the denoiser is told of the slices without noise, (n, condition); None where there is no encoder."""
        return None if self.encoder is None else self.encoder(to_signed(x))

    def noise(self, n: int, x: Tensor, rng: torch.Generator) -> Tensor:
        """`n` noise maps of the size of `x` on its device, (n, 1, y, x)."""
        maps = NOISES[self.settings.noise](n, x.shape[-2], x.shape[-1], rng, device=x.device)
        return self.settings.noise_scale * maps

    def estimate(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """One-step reconstruction x^_0 = f(x_t, t, c(x)); images are mapped to [-1, 1] inside (paper, eq. 1-3)."""
        return self._denoised(x, self.condition(x), noise, t)

    def _denoised(self, x: Tensor, condition: Tensor | None, noise: Tensor, t: Tensor) -> Tensor:
        noised = self.diffusion.add_noise(to_signed(x), noise, t)
        estimate: Tensor = self.denoiser(noised, t, condition)
        return from_signed(estimate)

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """L1 between the slice and its reconstruction, on the [-1, 1] scale, at t uniform in [0, T)."""
        return 2 * (x[rows] - self.draw(x, rng, rows)).abs().mean()

    def draw(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """One reconstruction a slice, each with its own t in [0, T) and noise map."""
        t, noise = self.diffusion.random_steps(len(x), rng), self.noise(len(x), x, rng)
        return self.estimate(x[rows], noise[rows], t[rows])

    def views(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """A reconstruction for each t of `test_steps`; one noise map a t for all slices, so that neighbours agree.

        The denoiser is given index t - 1, as in the authors' code.
        """
        condition = self.condition(x)
        maps = self.noise(len(self.settings.test_steps), x, rng)
        return torch.stack(
            [
                self._denoised(x, condition, maps[i : i + 1], torch.full((len(x),), t - 1, device=x.device))
                for i, t in enumerate(self.settings.test_steps)
            ]
        )

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Mean of the reconstructions over `test_steps`."""
        return self.views(x, rng).mean(dim=0)
