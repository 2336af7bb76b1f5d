from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from made_hosts import write_hosts, write_masks
from pseudohealthy.virtual.canvas import Canvas
from pseudohealthy.virtual.host import Host
from pseudohealthy.virtual.host_files import find_hosts
from pseudohealthy.virtual.host_place import Place, find_place, load_host
from pseudohealthy.virtual.scan import VirtualScan, make_scan

SPACING_MM = 4.0  # coarse: a scan takes a tenth of a second


@lru_cache(maxsize=128)
def _scan(seed: int, pathology: str, spacing_mm: float) -> VirtualScan:
    return make_scan(seed, pathology, spacing_mm)


@pytest.fixture(scope="session")
def scan_of() -> Callable[..., VirtualScan]:
    def scan(seed: int, pathology: str = "healthy", spacing_mm: float = SPACING_MM) -> VirtualScan:
        return _scan(seed, pathology, spacing_mm)

    return scan


@pytest.fixture(scope="session")
def ball() -> Canvas:
    """A ball of white matter of 40 mm radius with a round ventricle of 6 mm, 2 mm voxels, no texture."""
    axis = 2.0 * (np.arange(49) - 24)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).astype(np.float32)
    radius = np.linalg.norm(points, axis=-1)
    brain = radius <= 40
    zero = np.zeros_like(radius)
    white = brain.astype(np.float32)
    return Canvas(
        plain=white,
        texture=zero,
        gm=zero,
        wm=white,
        csf=1 - white,
        ventricles=(radius < 6).astype(np.float32),
        brain=brain,
        deep=zero,
        lateral_mm=points[..., 0],
        points_mm=points,
        spacing_mm=2.0,
        gm_level=0.6,
        csf_level=0.2,
        redraw=lambda displacement_mm: pytest.fail("only a mass effect redraws"),
    )


@pytest.fixture(scope="session")
def hosts_folder(tmp_path_factory) -> Path:
    """Two hosts of 3 mm; see `made_hosts.py`."""
    return write_hosts(tmp_path_factory.mktemp("hosts"), 2)


@pytest.fixture(scope="session")
def masks_folder(tmp_path_factory) -> Path:
    """Four real masks, so to speak."""
    return write_masks(tmp_path_factory.mktemp("patients") / "balls", 4)


@pytest.fixture(scope="session")
def place(hosts_folder) -> Place:
    return find_place(find_hosts(hosts_folder)[0], 3.0)


@pytest.fixture(scope="session")
def host(place) -> Host:
    return load_host(place, seed=7)
