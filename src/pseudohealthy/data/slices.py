"""Prepared scans as memory-mapped slices, and the random batches that both stages train on.

A batch is a function of (seed, step) alone, so a killed and resumed training sees the batches of an uninterrupted one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MIN_BRAIN_SHARE = 0.02
"""Slices with a smaller share of brain pixels are not trained on: there is nothing to learn from."""

EVERY = slice(None)
"""All rows of a batch."""


def generator(*keys: int | str) -> torch.Generator:
    """A CPU generator whose state is a function of the keys, such as (seed, step, "noise")."""
    digest = hashlib.sha256("/".join(str(key) for key in keys).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


@dataclass(frozen=True, eq=False)
class SliceBatch:
    """Axial slices of several scans.

    Attributes:
        x: Intensities, (n, 1, y, x) float32, 0 = background.
        mask: Brain mask, (n, 1, y, x) bool.
        lesion: Lesion mask, (n, 1, y, x) float32 0/1; zero where the scan has none.
        ignored: (n, 1, y, x) bool, pixels that are neither lesion nor healthy: they leave the loss and the metrics.
        position: Index of each slice on the z axis of the model grid, (n,).
    """

    x: Tensor
    mask: Tensor
    lesion: Tensor
    ignored: Tensor
    position: Tensor

    def to(self, device: torch.device) -> SliceBatch:
        """The batch on another device."""
        return SliceBatch(*(getattr(self, part.name).to(device) for part in dataclasses.fields(self)))


class SliceStore:
    """Scans on the model grid in memory-mapped arrays of shape (scan, z, y, x): the page cache is the cache.

    Args:
        folder: Where the arrays lie; `create` makes them, one row is filled with `put`.
    """

    def __init__(self, folder: Path, mode: str = "r") -> None:
        self.images: NDArray[np.float16] = np.lib.format.open_memmap(folder / "images.npy", mode=mode)
        self.masks: NDArray[np.bool_] = np.lib.format.open_memmap(folder / "masks.npy", mode=mode)
        self.lesions: NDArray[np.bool_] = np.lib.format.open_memmap(folder / "lesions.npy", mode=mode)
        self.ignored: NDArray[np.bool_] = np.lib.format.open_memmap(folder / "ignored.npy", mode=mode)

    @classmethod
    def create(cls, folder: Path, scans: int, shape_zyx: tuple[int, int, int]) -> SliceStore:
        """Empty arrays for `scans` scans in `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("images", "masks", "lesions", "ignored"):
            path, dtype = folder / f"{name}.npy", np.float16 if name == "images" else np.bool_
            np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(scans, *shape_zyx))
            if hasattr(os, "posix_fallocate"):  # a disk that is full is an error here; later it would kill the process
                with path.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        return cls(folder, mode="r+")

    def __len__(self) -> int:
        return len(self.images)

    def put(
        self,
        scan: int,
        image: NDArray[np.float32],
        mask: NDArray[np.bool_],
        lesion: NDArray[np.bool_],
        ignored: NDArray[np.bool_] | bool = False,
    ) -> None:
        """Fill row `scan` with arrays of shape (z, y, x)."""
        self.images[scan], self.masks[scan] = image, mask
        self.lesions[scan], self.ignored[scan] = lesion, ignored

    def flush(self) -> None:
        """Bring what was put to the disk, for processes on other machines."""
        for part in (self.images, self.masks, self.lesions, self.ignored):
            cast(np.memmap, part).flush()

    def usable(self) -> list[NDArray[np.intp]]:
        """For each scan the positions of slices with enough brain."""
        shares = self.masks.mean(axis=(2, 3))
        return [np.flatnonzero(row >= MIN_BRAIN_SHARE) for row in shares]

    def with_lesion(self) -> list[NDArray[np.intp]]:
        """For each scan the positions of slices with lesion; all usable ones where it has none."""
        touched: NDArray[np.bool_] = np.asarray(self.lesions.any(axis=(2, 3)))
        return [
            np.flatnonzero(row) if row.any() else usable for row, usable in zip(touched, self.usable(), strict=True)
        ]

    def batch(self, scans: NDArray[np.intp], positions: NDArray[np.intp], slab: int = 1) -> SliceBatch:
        """The slices at (scans[i], positions[i]), or the slabs of `slab` neighbours that begin there."""
        scans, positions = scans.repeat(slab), (positions[:, None] + np.arange(slab)).ravel()
        return SliceBatch(
            x=torch.from_numpy(self.images[scans, positions].astype(np.float32))[:, None],
            mask=torch.from_numpy(self.masks[scans, positions])[:, None],
            lesion=torch.from_numpy(self.lesions[scans, positions].astype(np.float32))[:, None],
            ignored=torch.from_numpy(self.ignored[scans, positions])[:, None],
            position=torch.from_numpy(positions.astype(np.int64)),
        )


class Sampler:
    """One random slice, or slab, per scan and epoch (paper, section 3), scans in a new order each epoch.

    Args:
        store: The scans.
        seed: Seed of the order and of the positions.
        lesion_share: Probability that the slice is taken from those that show a lesion.
        slab: Neighbouring slices that are drawn together. The slice that was chosen lies anywhere among them, so that
            a network cannot learn where in its slab a lesion is.
    """

    def __init__(self, store: SliceStore, seed: int, lesion_share: float = 0.0, slab: int = 1) -> None:
        self.store, self.seed, self.lesion_share, self.slab = store, seed, lesion_share, slab
        self._usable, self._with_lesion = store.usable(), store.with_lesion()

    def draw(self, step: int, size: int) -> SliceBatch:
        """The batch of a step: `size` slices, which are whole slabs."""
        n, slabs = len(self.store), size // self.slab
        scans = np.array([self._scan(step * slabs + i, n) for i in range(slabs)], dtype=np.intp)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, 1, step]))
        lesioned, where = rng.random(slabs) < self.lesion_share, rng.random(slabs)
        pools = [(self._with_lesion if hit else self._usable)[scan] for scan, hit in zip(scans, lesioned, strict=True)]
        positions = np.array([pool[int(u * len(pool))] for pool, u in zip(pools, where, strict=True)], dtype=np.intp)
        before = (rng.random(slabs) * self.slab).astype(np.intp)
        return self.store.batch(scans, _inside(self.store, positions - before, self.slab), self.slab)

    def _scan(self, index: int, n: int) -> int:
        epoch, place = divmod(index, n)
        return int(np.random.default_rng(np.random.SeedSequence([self.seed, 0, epoch])).permutation(n)[place])


def fixed_slices(store: SliceStore, most: int, *, lesioned: bool = False, slab: int = 1) -> SliceBatch:
    """The same validation slices each time: at most `most`, spread evenly over all scans and usable positions.

    With a slab, as many slabs as make up `most` slices, at least one, each around such a position.
    """
    pools = store.with_lesion() if lesioned else store.usable()
    pairs = [(scan, position) for scan, pool in enumerate(pools) for position in pool]
    chosen = np.unique(np.linspace(0, len(pairs) - 1, min(max(1, most // slab), len(pairs))).round().astype(int))
    scans, positions = np.array([pairs[i] for i in chosen], dtype=np.intp).T
    begins = np.stack((scans, _inside(store, positions - slab // 2, slab)))
    scans, firsts = np.unique(begins, axis=1)  # at the border two may be one
    return store.batch(scans, firsts, slab)


def _inside(store: SliceStore, firsts: NDArray[np.intp], slab: int) -> NDArray[np.intp]:
    """First slices of slabs, moved until the whole slab lies on the grid."""
    return firsts.clip(0, store.images.shape[1] - slab)
