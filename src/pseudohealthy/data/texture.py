"""Foreign texture from noise: three random changes of intensity, as DRAEM draws three of its image augmentations."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

CHANGES_A_SAMPLE = 3
WHITE = (0.75, 1.5)  # intensity that the texture's 1 becomes: some are darker than white matter, some like blood on T1

Change = Callable[[Tensor, Tensor], Tensor]


def _gamma(v: Tensor, u: Tensor) -> Tensor:
    return v.clamp_min(1e-6) ** (4 ** (2 * u - 1))  # exponents 1/4 to 4


def _brightness(v: Tensor, u: Tensor) -> Tensor:
    return v + (u - 0.5)


def _contrast(v: Tensor, u: Tensor) -> Tensor:
    return 0.5 + (v - 0.5) * 4 ** (2 * u - 1)


def _posterise(v: Tensor, u: Tensor) -> Tensor:
    levels = (2 + 4 * u).floor()  # 2 to 5 grey levels
    return (v * levels).floor().minimum(levels - 1) / (levels - 1)


def _solarise(v: Tensor, u: Tensor) -> Tensor:
    return torch.where(v > 0.25 + 0.5 * u, 1 - v, v)


def _invert(v: Tensor, u: Tensor) -> Tensor:
    return 1 - v


CHANGES: dict[str, Change] = {
    "gamma": _gamma,
    "brightness": _brightness,
    "contrast": _contrast,
    "posterise": _posterise,
    "solarise": _solarise,
    "invert": _invert,
}
"""Each maps grey levels in [0, 1] by one number u in [0, 1) a sample; what leaves [0, 1] is clipped."""


def random_texture(noise: Tensor, rng: torch.Generator) -> Tensor:
    """Noise, stretched to [0, 1], through three different random changes in random order, at a random brightness.

    Args:
        noise: (n, 1, y, x).
        rng: Generator on the CPU. What it draws does not depend on the noise.

    Returns:
        (n, 1, y, x) in [0, 1.5].
    """
    n, device = len(noise), noise.device
    order = torch.rand(n, len(CHANGES), generator=rng).argsort(1)[:, :CHANGES_A_SAMPLE].to(device)
    strength = torch.rand(CHANGES_A_SAMPLE, n, 1, 1, 1, generator=rng).to(device)
    white = WHITE[0] + (WHITE[1] - WHITE[0]) * torch.rand(n, 1, 1, 1, generator=rng).to(device)
    low, high = noise.amin((1, 2, 3), keepdim=True), noise.amax((1, 2, 3), keepdim=True)
    texture = (noise - low) / (high - low).clamp_min(1e-6)
    for choice, u in zip(order.T.reshape(CHANGES_A_SAMPLE, n, 1, 1, 1), strength, strict=True):
        before = texture
        for number, change in enumerate(CHANGES.values()):
            texture = torch.where(choice == number, change(before, u), texture)
        texture = texture.clamp(0, 1)
    return texture * white
