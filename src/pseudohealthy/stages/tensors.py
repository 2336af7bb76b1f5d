"""The one door between geometry and tensors: prepared scans on the model grid <-> arrays and slices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.data.slices import SliceStore
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.lesions import LesionMask, read_lesion_mask
from pseudohealthy.io.volume import read_mask, read_volume
from pseudohealthy.prepare.brain_mask import is_stripped
from pseudohealthy.prepare.model_grid import GRIDS, ModelGrid
from pseudohealthy.prepare.scan import PreparedScan, prepare_scan
from pseudohealthy.prepare.whole_head import strip_head

T = TypeVar("T", bound=np.generic)


def to_zyx(on_grid: NDArray[T]) -> NDArray[T]:
    """(x, y, z) of a Volume -> (z, y, x) of a stack of axial slices; its own inverse."""
    return np.ascontiguousarray(on_grid.transpose(2, 1, 0))


def read_case(case: Case, grid: ModelGrid, space: str, strip: str | None = None) -> PreparedScan:
    """Read a case's scan and brain mask and bring it to the model grid.

    Args:
        case: The scan.
        grid: The model grid.
        space: Name of the model space.
        strip: The tool that finds the brain where there is no mask and the scan is a whole head; None refuses heads.
    """
    image = read_volume(case.image)
    mask = read_mask(case.brain_mask, image, "brain mask") if case.brain_mask else None
    if strip is not None and mask is None and not is_stripped(image):
        mask = strip_head(image, strip)
        told = f"The brain was found by {strip}: what it leaves of the skull or takes of the brain changes the score."
        image = replace(image, warnings=(*image.warnings, told))
    return prepare_scan(image, grid, mask, space)


def read_lesion(case: Case, prepared: PreparedScan) -> LesionMask | None:
    """The case's lesion mask in its native grid, or None where it has none."""
    return read_lesion_mask(case, prepared.native)


def lesion_zyx(lesion: LesionMask | None, prepared: PreparedScan) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Lesion and ignored voxels on the model grid, (z, y, x); empty where there is no mask."""
    if lesion is None:
        nothing = np.zeros(prepared.grid.shape[::-1], np.bool_)
        return nothing, nothing
    on_grid = prepared.lesion_on_grid(lesion.lesion)
    return to_zyx(on_grid), to_zyx(prepared.lesion_on_grid(lesion.ignored) & ~on_grid)


def store_cohort(cohort: Cohort, folder: Path, grid_name: str, space: str) -> SliceStore:
    """Prepare every scan of a cohort and lay it into memory-mapped slices."""
    grid = GRIDS[grid_name]
    size_x, size_y, size_z = grid.shape
    store = SliceStore.create(folder, len(cohort), (size_z, size_y, size_x))
    for row, case in enumerate(cohort):
        prepared = read_case(case, grid, space)
        lesion = read_lesion(case, prepared)
        store.put(row, to_zyx(prepared.image.data), to_zyx(prepared.mask.data), *lesion_zyx(lesion, prepared))
    store.flush()
    return store
