"""Training steps of both stages: samples a second, memory, share of the roof."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from unittest.mock import patch

import torch
from torch import Tensor, nn

from pseudohealthy.data.slices import generator
from pseudohealthy.models.reconstructors.one_step import OneStep
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.stages.compute import ready
from pseudohealthy.stages.layout import channels_last
from pseudohealthy.stages.processor import native_precision
from pseudohealthy.stages.recipe import Recipe, load_recipe
from speed_parts.measure import Row, floating_point_operations, interleaved, peak_mb, ratio
from speed_parts.untrained import untrained


def rows(size: str, batch: int | None, repeats: int, device: torch.device, roof: float) -> Iterator[Row]:
    """Steps of Stage I and Stage II (forward, backward, optimiser) on random slices; of augmentation see `data`.

    Args:
        size: A recipe.
        batch: Slices a step; None for the recipe's.
        repeats: Of each step.
        device: Where.
        roof: Operations per second in fp32.
    """
    recipe = load_recipe(size)
    for stage, made in (("Stage I", _stage_1), ("Stage II", _stage_2)):
        settings = recipe.reconstructor_training if stage == "Stage I" else recipe.segmenter_training
        n = batch or settings.batch_size
        networks, loss = made(recipe, n, device)
        network = networks[0]
        optimiser = torch.optim.AdamW(network.parameters(), 1e-4)

        step = partial(_step, loss, optimiser, device)
        note = f"batches of {n}" if batch is None else f"batches of {n} (recipe: {settings.batch_size})"
        operations = floating_point_operations(step)
        variants: dict[str, Callable[[], object]] = {"fp32": step}
        if native_precision(device) == "bf16-mixed":
            variants["bf16"] = partial(step, bf16=True)
        seconds = interleaved(variants, repeats, device)
        cpus = torch.get_num_threads() if device.type == "cpu" else 1
        for name, taken in seconds.items():
            yield Row("train", size, f"{stage}, {name}", n / taken.wall, "samples/s", note)
        busy = seconds["fp32"].cpu / cpus if device.type == "cpu" else seconds["fp32"].wall
        yield Row("train", size, f"{stage}, operations", operations / n / 1e9, "GFLOP/sample", "counted")
        yield Row("train", size, f"{stage}, fp32, of the matrix rate", 100 * operations / busy / roof, "%")
        if "bf16" in seconds:
            gain = ratio(seconds["fp32"], seconds["bf16"], device)
            yield Row("train", size, f"{stage}, gain of bf16 (the default of `precision: auto`)", gain, "times")
        if (peak := peak_mb(step, device)) is not None:
            yield Row("train", size, f"{stage}, peak memory", peak, "MB")
        if size != "paper":  # a step of which takes a minute on a processor
            fused = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
            tried: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
                "channels last": (_channels_first(step, networks), step),
                "not kept: fused optimiser": (step, partial(_step, loss, fused, device)),
            }
            if shutil.which("g++") and repeats > 1:  # it writes C++, and takes a minute for it
                tried["not kept: torch.compile, after the seconds that it compiles"] = (step, _compiled(step, network))
            for what, (before, after) in tried.items():
                taken = interleaved({"before": before, "after": after}, repeats, device)
                gain = ratio(taken["before"], taken["after"], device)
                yield Row("gain", size, f"{stage}, training: {what}", gain, "times", note)


Loss = Callable[[], Tensor]


def _channels_first(step: Callable[[], object], networks: Sequence[nn.Module]) -> Callable[[], object]:
    def run() -> None:
        for network in networks:
            network.to(memory_format=torch.contiguous_format)
        step()
        for network in networks:
            channels_last(network)

    return run


def _compiled(step: Callable[[], object], network: nn.Module) -> Callable[[], object]:
    """The step with the network's own part of the loss compiled at its first call."""
    part = network.denoiser if isinstance(network, OneStep) else network
    compiled = torch.compile(part.forward)

    def run() -> None:
        with patch.object(part, "forward", compiled):
            step()

    return run


def _step(loss: Loss, optimiser: torch.optim.Optimizer, device: torch.device, bf16: bool = False) -> None:
    optimiser.zero_grad()
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        value = loss()
    value.backward()
    optimiser.step()


def _stage_1(recipe: Recipe, n: int, device: torch.device) -> tuple[list[nn.Module], Loss]:
    network = ready(untrained(recipe), device).reconstructor.train().requires_grad_(True)
    x = _slices(recipe, n, device)
    return [network], lambda: network.loss(x, generator(0, "speed"))


def _stage_2(recipe: Recipe, n: int, device: torch.device) -> tuple[list[nn.Module], Loss]:
    model = ready(untrained(recipe), device)
    frozen, segmenter = model.reconstructor, model.segmenter
    if segmenter is None:
        raise TypeError("a recipe without a segmenter")
    segmenter.train().requires_grad_(True)
    x = _slices(recipe, n, device)
    label, weight = (x > 0.9).float(), torch.ones_like(x)

    def loss() -> Tensor:
        with torch.no_grad():
            x_hat = frozen.draw(x, generator(0, "speed"))
        return segmenter.loss(x, x - x_hat, label, weight)

    return [segmenter, frozen], loss


def _slices(recipe: Recipe, n: int, device: torch.device) -> Tensor:
    columns, rows_, _ = GRIDS[recipe.grid].shape
    return torch.rand(n, 1, rows_, columns, generator=torch.Generator().manual_seed(0)).to(device)
