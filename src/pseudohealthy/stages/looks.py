"""What is watched in each stage: painted slices and their reconstructions, or annotated slices and their scores."""

from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pseudohealthy.config import TrainingSettings
from pseudohealthy.data.slices import SliceBatch, generator
from pseudohealthy.models.reconstructors import Reconstructor
from pseudohealthy.models.segmenters import Segmenter
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.watching import Scene, Watch, Watching, moments, telling_slices


def watch_reconstructor(
    watch: Watch | None,
    network: Reconstructor,
    method: str,
    settings: TrainingSettings,
    slices: SliceBatch,
    painted: tuple[Tensor, Tensor],
) -> list[Watching]:
    """Stage I: what it makes of validation slices with painted blobs, for each t; the blob has to vanish.

    Args:
        watch: Who watches; None gives no callback.
        network: What is trained.
        method: Its name.
        settings: Of its training.
        slices: Validation slices.
        painted: The same with blobs, and where these are; both (slice, 1, y, x).
    """
    if watch is None:
        return []
    chosen = telling_slices(painted[1], slices.mask)
    x, mask = painted[0][chosen], slices.mask[chosen]
    steps = getattr(getattr(network, "settings", None), "test_steps", ())

    def look(trained: nn.Module) -> NDArray[np.float32]:
        reconstructor = cast(Reconstructor, trained)
        device, rng = next(trained.parameters()).device, generator(settings.seed, "watch")
        own = None if reconstructor.reconstructs else reconstructor.anomaly_map(x.to(device), mask.to(device), rng)
        maps = reconstructor.views(x.to(device), rng) if own is None else own[None]
        if not steps:  # one network call may draw several times; each is shown only where t tells them apart
            maps = maps.mean(dim=0, keepdim=True)
        return _by_slice(maps * mask.to(device))

    scene = Scene(
        f"Stage I: {method}",
        "reconstruction" if network.reconstructs else "score",
        tuple(f"t = {t}" for t in steps),
        x[:, 0].numpy(),
        painted[1][chosen, 0].numpy(),
        settings.steps,
        moments(settings),
    )
    return [Watching(watch, scene, look)]


def watch_segmenter(
    watch: Watch | None,
    method: str,
    settings: TrainingSettings,
    slices: SliceBatch,
    references: Reference,
    slab: int = 1,
) -> list[Watching]:
    """Stage II: its map of validation slices with lesions, at the t of test time.

    Args:
        watch: Who watches; None gives no callback.
        method: Name of the network.
        settings: Of its training.
        slices: Validation slices with their lesions.
        references: What stands for x^.
        slab: Slices that the network sees together; `slices` are whole slabs.
    """
    if watch is None:
        return []
    chosen = telling_slices(slices.lesion, slices.mask)
    rows = (slab * torch.unique(chosen // slab)[:, None] + torch.arange(slab)).flatten()  # of the slabs they lie in
    seen = SliceBatch(*(getattr(slices, part.name)[rows] for part in dataclasses.fields(SliceBatch)))
    shown = torch.searchsorted(rows, chosen)

    def look(trained: nn.Module) -> NDArray[np.float32]:
        segmenter = cast(Segmenter, trained)
        batch = seen.to(next(trained.parameters()).device)
        residual = None
        if segmenter.uses_residual:
            residual = batch.x - references.views(batch, generator(settings.seed, "watch")).mean(dim=0)
        return _by_slice((segmenter(batch.x, residual).sigmoid() * batch.mask)[None, shown.to(batch.x.device)])

    x, lesions = slices.x[chosen, 0].numpy(), slices.lesion[chosen, 0].numpy() > 0.5
    scene = Scene(f"Stage II: {method}", "score", (), x, lesions, settings.steps, moments(settings))
    return [Watching(watch, scene, look)]


def _by_slice(maps: Tensor) -> NDArray[np.float32]:
    """(view, slice, 1, y, x) to (slice, view, y, x)."""
    return np.asarray(maps[:, :, 0].transpose(0, 1).float().cpu().numpy(), np.float32)
