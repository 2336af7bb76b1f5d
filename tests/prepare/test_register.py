import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from conftest import make_brain
from pseudohealthy.errors import MissingExtraError
from pseudohealthy.io.templates import Template
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.register import register

C, S = np.cos(np.radians(15)), np.sin(np.radians(15))
STORAGES = {
    "RAS": np.diag([4.0, 4, 4]),
    "LAS": np.diag([-4.0, 4, 4]),
    "sagittal PIR": 4 * np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]),
    "oblique": 4 * np.array([[1, 0, 0], [0, C, -S], [0, S, C]]),
    "oblique LAS": 4 * np.array([[-C, 0, S], [0, 1, 0], [S, 0, C]]),
    "2x2x6 mm": np.diag([2.0, 2, 6]),
}
# A small person, whose head is turned in the scanner and lies off its centre.
WORLD_FROM_TEMPLATE = np.eye(4)
WORLD_FROM_TEMPLATE[:3, :3] = Rotation.from_euler("xyz", [8, -5, 6], degrees=True).as_matrix() @ np.diag(
    [0.9, 0.95, 0.9]
)
WORLD_FROM_TEMPLATE[:3, 3] = [12.0, -30.0, 44.0]


def person(axes, noise=20.0):
    """A made brain with a base, flat and higher in front, and with a left that is not its right.

    An ellipsoid would do for nothing: affine maps turn it into itself in any number of ways.
    """
    brain = make_brain(axes, noise=noise)
    x, y, z = (brain.affine[:3, :3] @ np.indices(brain.shape).reshape(3, -1) + brain.affine[:3, 3:]).reshape(
        3, *brain.shape
    )
    brain.data[(z < -45) | ((z < -25) & (y > -20))] = 0
    for (left, front, up), factor in (((-35, 30, 15), 0.5), ((30, -25, -5), 1.35)):
        brain.data[(x - left) ** 2 + (y - front) ** 2 + (z - up) ** 2 < 22**2] *= factor
    return brain


def moved(brain, world_from_world):
    return Volume(brain.data, world_from_world @ brain.affine)


def apart_mm(template_from_world, expected):
    """Mean distance of what two affines do to the places of a brain."""
    places = np.c_[np.random.default_rng(0).uniform(-60, 60, (200, 3)), np.ones(200)]
    places = places @ np.linalg.inv(expected).T  # in the scan's world
    return np.linalg.norm(places @ (template_from_world - expected).T, axis=1).mean()


@pytest.fixture(scope="module")
def template():
    brain = person((3.0, 3.0, 3.0), noise=0)
    return Template("made", brain, brain.like(brain.data != 0))


@pytest.mark.parametrize("storage", STORAGES)
def test_brain_of_any_storage_is_laid_over_the_template(storage, template):
    # Drawn upright in slanted storage, so that the head is turned in its own voxels.
    scan = moved(person(STORAGES[storage]), WORLD_FROM_TEMPLATE)
    found = register(scan, scan.like(scan.data != 0), template)
    assert found.problems == ()
    assert apart_mm(found.template_from_world, np.linalg.inv(WORLD_FROM_TEMPLATE)) < 1.0
    assert found.mask_dice > 0.97
    assert found.correlation > 0.9
    assert found.field == 1
    np.testing.assert_allclose(found.zooms, [1 / 0.95, 1 / 0.9, 1 / 0.9], atol=0.03)
    assert found.rotation_degrees == pytest.approx(11, abs=2)


def test_unit_of_intensity_does_not_matter(template):
    scan = person((4.0, 4.0, 4.0))
    mask = scan.like(scan.data != 0)
    one, bright = (register(scan.like(factor * scan.data), mask, template) for factor in (1, 3))
    assert apart_mm(bright.template_from_world, one.template_from_world) < 0.1


def test_what_lies_outside_the_mask_does_not_matter(template):
    scan = person((4.0, 4.0, 4.0))
    mask = scan.like(scan.data != 0)
    skull = np.random.default_rng(0).uniform(0, 3000, scan.shape)
    head = scan.like(np.where(mask.data, scan.data, skull).astype(np.float32))
    one, other = (register(volume, mask, template).template_from_world for volume in (scan, head))
    np.testing.assert_array_equal(one, other)


def test_result_depends_neither_on_threads_nor_on_what_was_done_before(template):
    sitk = pytest.importorskip("SimpleITK")
    scan = person((4.0, 4.0, 4.0))
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    results = []
    for threads in (1, 4):
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
        results.append(register(scan, scan.like(scan.data != 0), template).template_from_world)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    np.testing.assert_array_equal(*results)


def test_missing_simpleitk_is_named_with_its_extra(template, monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    scan = person((6.0, 6.0, 6.0))
    with pytest.raises(MissingExtraError, match=r"\[prepare\]"):
        register(scan, scan.like(scan.data != 0), template)
