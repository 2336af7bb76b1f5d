"""Each optimisation as a switch: a context in which the package does without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional

from pseudohealthy.models import denoiser
from pseudohealthy.models.reconstructors.one_step import OneStep
from pseudohealthy.models.segmenters import Segmenter
from pseudohealthy.models.segmenters.unet import StandardisedConv, UNet
from pseudohealthy.prepare import model_grid
from pseudohealthy.stages import infer
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.layout import channels_last

Without = Callable[[Inference], AbstractContextManager[object]]


def _all_t_in_one_batch(self: OneStep, x: Tensor, rng: torch.Generator) -> Tensor:
    views, n = len(self.settings.test_steps), len(x)
    maps, condition = self.noise(views, x, rng).repeat_interleave(n, 0), self.condition(x)
    t = torch.tensor([t - 1 for t in self.settings.test_steps], device=x.device).repeat_interleave(n)
    told = None if condition is None else condition.repeat(views, 1)
    return self._denoised(x.repeat(views, 1, 1, 1), told, maps, t).unflatten(0, (views, n))


@contextmanager
def _channels_first(inference: Inference) -> Iterator[None]:
    networks = [each for each in (inference.model.reconstructor, inference.model.segmenter) if each is not None]
    for network in networks:
        network.to(memory_format=torch.contiguous_format)
    try:
        yield
    finally:
        for network in networks:
            channels_last(network)


def _doubled(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    found: Tensor = convolution(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
    return found


def _by_variance(self: StandardisedConv) -> Tensor:
    variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True, correction=0)
    return (self.weight - mean) * torch.rsqrt(variance * self.weight[0].numel() + 1e-5)


KEPT: dict[str, Without] = {
    "channels last": _channels_first,
    "16 slices a call instead of one": lambda _: patch.object(infer, "CHUNK", 1),
}
"""What the networks' speed comes from."""

KEPT_IN_STAGE_1: dict[str, Without] = {
    "pixels doubled and convolved at once": lambda _: patch.object(denoiser, "upsampled", _doubled),
}
KEPT_IN_STAGE_2: dict[str, Without] = {
    "kernels standardised without var_mean": lambda _: patch.object(StandardisedConv, "kernels", _by_variance),
}
"""What one stage's speed comes from."""

KEPT_FOR_EACH: dict[str, Without] = {
    "the scan encoded once for all t, in the U-Net": lambda _: patch.object(UNet, "views", Segmenter.views),
}
"""The same, where Stage II sees each reconstruction and not their mean."""

NOT_KEPT: dict[str, Without] = {
    "all t of 16 slices in one batch": lambda _: patch.object(OneStep, "views", _all_t_in_one_batch),
    "64 slices a call": lambda _: patch.object(infer, "CHUNK", 64),
}
"""What was tried: inside the context the package does it."""

GRID: dict[str, Without] = {
    "parallel axes by one matrix each": lambda _: patch.object(model_grid, "is_parallel", lambda matrix: False),
}
"""What resampling's speed comes from."""
