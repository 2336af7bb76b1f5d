"""Networks that see slabs, several neighbouring slices at once: what they need, and how slabs cover a brain."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import ConfigError
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.stages.recipe import Recipe


def slab_of(recipe: Recipe) -> int:
    """Slices that the recipe's segmenter will see together, before it is made: its setting `slab`, or 1."""
    return int(getattr(recipe.segmenter.settings, "slab", 1))


def covering(brain: NDArray[np.bool_], slab: int) -> NDArray[np.intp]:
    """Slabs that cover all slices with brain, evenly spread, so that neighbours overlap by half or more.

    Args:
        brain: Whether a slice of the grid shows brain, (z,).
        slab: Slices of a slab, at most z.

    Returns:
        Positions on the z axis, (slab, slice). Slabs of one slice are the slices with brain; larger ones may hold
        slices without.
    """
    positions = np.flatnonzero(brain)
    if slab == 1 or not len(positions):
        return positions[:, None]
    first = min(positions[0], len(brain) - slab)
    last = max(first, positions[-1] + 1 - slab)
    steps = math.ceil((last - first) / max(1, slab // 2))
    return np.linspace(first, last, steps + 1).round().astype(np.intp)[:, None] + np.arange(slab)


def refuse_slabs(slab: int, recipe: Recipe, *, painting: bool, parts: int = 1) -> None:
    """Refuse what slabs cannot be cut from, divided into, or painted on.

    Args:
        slab: Slices that the network sees together.
        recipe: Its grid, segmenter, batch and supervision.
        painting: Whether anomalies would be painted on training slices.
        parts: Into how many the batch is divided: devices times `accumulate`.

    Raises:
        ConfigError: A slab higher than the grid, a batch that is no whole number of slabs for each part, or painting.
    """
    if slab == 1:
        return
    method, size, height = recipe.segmenter.method, recipe.segmenter_training.batch_size, GRIDS[recipe.grid].shape[2]
    if slab > height:
        raise ConfigError(
            f"segmenter {method}",
            found=f"slabs of {slab} slices",
            needed=f"at most {height}, the slices of the grid '{recipe.grid}'",
            fix="Lower segmenter.settings.slab.",
        )
    whole = slab * parts
    if size % whole:
        divided = f", and a batch in {parts} parts (devices times accumulate)" if parts > 1 else ""
        raise ConfigError(
            f"batch_size {size}",
            found=f"{method}, which sees slabs of {slab} slices{divided}",
            needed=f"a multiple of {whole}: slabs are not cut",
            fix=f"For example: --set segmenter_training.batch_size={max(1, size // whole) * whole}",
        )
    if painting:
        raise ConfigError(
            f"supervision.synthetic '{recipe.supervision.synthetic}'",
            found=f"{method}, which sees slabs of {slab} slices",
            needed="annotated scans alone: anomalies are painted slice by slice, so they do not go on in the next one",
            fix="Set supervision.synthetic to none, or choose a segmenter of single slices.",
        )
