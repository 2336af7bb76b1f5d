"""A small made brain, in any storage, for every room's tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pseudohealthy.io.volume import Volume

if TYPE_CHECKING:  # what trains is imported by the tests that train
    from fitted import Fitted
    from pseudohealthy.io.cohort import Cohort
    from pseudohealthy.stages.recipe import Recipe

HALF_AXES_MM = (68.0, 86.0, 66.0)  # right-left, anterior-posterior, superior-inferior: 1617 ml
CSF, GREY, WHITE = 300.0, 700.0, 1000.0
MadeBrain = Callable[..., Volume]


def world_mm(volume: Volume) -> np.ndarray:
    """World coordinates of every voxel centre, (3, i, j, k)."""
    indices = np.indices(volume.shape).reshape(3, -1)
    return (volume.affine[:3, :3] @ indices + volume.affine[:3, 3:]).reshape(3, *volume.shape)


def make_brain(axes: object = (3.0, 3.0, 3.0), *, noise: float = 20.0, seed: int = 0) -> Volume:
    """An ellipsoid of white matter under grey matter under CSF, with two ventricles, in a background of 0.

    Args:
        axes: Storage axes in world mm: a (3, 3) matrix whose columns they are, or the spacing of RAS storage.
        noise: Standard deviation inside the brain; CSF, grey and white matter are 300, 700 and 1000.
        seed: Of the noise.
    """
    axes = np.asarray(axes, dtype=float)
    axes = np.diag(axes) if axes.ndim == 1 else axes
    # The field that holds the ellipsoid in any orientation: its extent along each storage axis, and 6 mm of air.
    spacing = np.linalg.norm(axes, axis=0)
    extent = np.linalg.norm((axes / spacing) * np.array(HALF_AXES_MM)[:, None], axis=0) + 6
    shape = np.ceil(2 * extent / spacing).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ ((shape - 1) / 2)
    volume = Volume(np.zeros(shape, np.float32), affine)
    x, y, z = world_mm(volume)
    depth = np.sqrt(sum((place / half) ** 2 for place, half in zip((x, y, z), HALF_AXES_MM, strict=True)))
    ventricle = ((np.abs(x) - 12) / 8) ** 2 + (y / 28) ** 2 + ((z - 5) / 10) ** 2 < 1
    tissue = np.select([ventricle | (depth > 0.96), depth > 0.8], [CSF, GREY], WHITE)
    tissue = tissue + noise * np.random.default_rng(seed).standard_normal(tissue.shape)
    return volume.like(np.where(depth < 1, tissue, 0).astype(np.float32))


@pytest.fixture
def made_brain() -> MadeBrain:
    """`made_brain(axes, noise=..., seed=...)` returns a Volume; see `make_brain`."""
    return make_brain


@pytest.fixture(scope="session")
def made_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Files and table of a small cohort with every split; see `made_cohort.py`."""
    from made_cohort import write_made_cohort

    return write_made_cohort(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def smoke() -> Recipe:
    """The recipe of two steps."""
    from pseudohealthy.stages.recipe import load_recipe

    return load_recipe("smoke")


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory, made_cohort: Cohort, smoke: Recipe) -> Fitted:
    """Model folders that were trained on the made cohort; see `fitted.py`."""
    from fitted import fit

    return fit(tmp_path_factory.mktemp("fitted"), made_cohort, smoke)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("PSEUDOHEALTHY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "oasis").is_dir():
        pytest.skip(f"no real scans at {folder} (set PSEUDOHEALTHY_DATA)")
    return folder
