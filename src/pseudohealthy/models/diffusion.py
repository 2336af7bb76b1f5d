"""The diffusion process: cosine schedule, forward noising, fixed time steps of the one-step reconstruction."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

STEPS = 1000
"""T, the number of diffusion steps (paper, appendix A)."""


def cosine_alpha_bar(steps: int = STEPS, offset: float = 0.008) -> Tensor:
    """Cumulative signal share of the cosine schedule (Nichol & Dhariwal 2021, eq. 17).

    Args:
        steps: T.
        offset: s, which keeps the first noise steps from being too small.

    Returns:
        alpha_bar, shape (T,), float64, falling from about 1 to 0.
    """
    times = torch.arange(steps + 1, dtype=torch.float64) / steps
    signal = torch.cos((times + offset) / (1 + offset) * math.pi / 2) ** 2
    betas = (1 - signal[1:] / signal[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - betas, dim=0)


def to_signed(x: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1]."""
    return 2 * x - 1


def from_signed(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1]."""
    return (x + 1) / 2


class Diffusion(nn.Module):
    """The forward process q(x_t | x_0) of Ho et al. 2020, eq. 4, with the cosine schedule."""

    signal: Tensor
    noise: Tensor

    def __init__(self) -> None:
        super().__init__()
        alpha_bar = cosine_alpha_bar()
        self.register_buffer("signal", alpha_bar.sqrt().float(), persistent=False)
        self.register_buffer("noise", (1 - alpha_bar).sqrt().float(), persistent=False)

    def add_noise(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Noise x_0 to x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise.

        Args:
            x: Images, shape (n, 1, y, x).
            noise: Noise maps, shape (n or 1, 1, y, x).
            t: Step of each image, shape (n,), in [0, T).
        """
        shape = (-1, 1, 1, 1)
        return self.signal[t].view(shape) * x + self.noise[t].view(shape) * noise

    def random_steps(self, n: int, rng: torch.Generator) -> Tensor:
        """Steps drawn uniformly from [0, T), shape (n,)."""
        return torch.randint(0, STEPS, (n,), generator=rng).to(self.signal.device)
