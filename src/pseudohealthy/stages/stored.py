"""The slices that several processes train on: prepared by the first, opened by all."""

from __future__ import annotations

from pathlib import Path

from pseudohealthy.data.slices import SliceStore
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.stages.processes import Processes
from pseudohealthy.stages.recipe import Recipe
from pseudohealthy.stages.tensors import store_cohort


def stored(cohort: Cohort, folder: Path, recipe: Recipe, processes: Processes) -> SliceStore:
    """Prepare every scan of a cohort into `folder`, which all processes can read."""
    return processes.first(
        lambda: store_cohort(cohort, folder, recipe.grid, recipe.space),
        lambda: SliceStore(folder),
    )
