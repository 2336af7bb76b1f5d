"""How many training slices a second one core draws, changes and noises."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from pseudohealthy.data.augment import augment
from pseudohealthy.data.noise import NOISES
from pseudohealthy.data.slices import Sampler, SliceStore, generator
from pseudohealthy.stages.recipe import load_recipe
from speed_parts.measure import Row, interleaved

SCANS, BATCH, SHAPE_ZYX = 8, 32, (50, 96, 96)


def rows(repeats: int) -> Iterator[Row]:
    """One thread, batches of 32 at 96x96, the augmentation of recipe `paper`, simplex noise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    cpu = torch.device("cpu")
    try:
        with tempfile.TemporaryDirectory() as folder:
            sampler = Sampler(_filled(Path(folder, "slices")), seed=0)
            settings, steps = load_recipe("paper").augment, iter(range(1_000_000))
            one = sampler.draw(0, BATCH)

            def changed() -> object:
                return augment(one.x, one.mask, None, settings, generator(next(steps), "augment"))

            def noised() -> object:
                return NOISES["simplex"](BATCH, *SHAPE_ZYX[1:], generator(next(steps), "noise"))

            def whole() -> object:
                batch, rng = sampler.draw(next(steps), BATCH), generator(next(steps), "all")
                augment(batch.x, batch.mask, None, settings, rng)
                return NOISES["simplex"](BATCH, *SHAPE_ZYX[1:], rng)

            parts = {
                "all together": whole,
                "drawing from memory-mapped scans": lambda: sampler.draw(next(steps), BATCH),
                "augmentation": changed,
                "simplex noise": noised,
            }
            for what, seconds in interleaved(parts, max(repeats, 5) * 3, cpu).items():
                yield Row("data", "96x96", what, BATCH / seconds.cpu, "slices/s", "one core, by its processor time")
            fetched = interleaved(parts, 1, cpu)
            yield Row("data", "96x96", "all together, by the clock", BATCH / fetched["all together"].wall, "slices/s")
    finally:
        torch.set_num_threads(threads)


def _filled(folder: Path) -> SliceStore:
    """Scans of an ellipsoid with texture."""
    z, y, x = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in SHAPE_ZYX)]
    brain = np.broadcast_to((z / 1.1) ** 2 + (y / 0.9) ** 2 + (x / 0.75) ** 2 < 1, SHAPE_ZYX)
    store, rng = SliceStore.create(folder, SCANS, SHAPE_ZYX), np.random.default_rng(0)
    for scan in range(SCANS):
        image = (brain * rng.uniform(0.2, 1, SHAPE_ZYX)).astype(np.float32)
        store.put(scan, image, brain, np.zeros(SHAPE_ZYX, np.bool_))
    return store
