import itertools
from time import perf_counter

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pseudohealthy.errors import ImageError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.prepare.brain_mask import without_islands
from pseudohealthy.prepare.model_grid import GRIDS, ModelGrid, sample
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.prepare.space import SPACES

SMALL, PAPER, COARSE = GRIDS["small"], GRIDS["paper"], ModelGrid("coarse", (20, 24, 20), 8.0)
C, S = np.cos(np.radians(15)), np.sin(np.radians(15))
STORAGES = {
    "RAS": np.diag([2.0, 2, 2]),
    "LAS": np.diag([-2.0, 2, 2]),
    "sagittal PIR": 2 * np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]),
    "oblique": 2 * np.array([[1, 0, 0], [0, C, -S], [0, S, C]]),
    "oblique LAS": 2 * np.array([[-C, 0, S], [0, 1, 0], [S, 0, C]]),
    "1x1x5 mm": np.diag([1.0, 1, 5]),
}


def world_mm(volume):
    places = volume.affine[:3, :3] @ np.indices(volume.shape).reshape(3, -1) + volume.affine[:3, 3:]
    return places.reshape(3, *volume.shape)


def soft_sphere(volume, centre_mm, radius_mm=6.0):
    """Share of each voxel inside a sphere, roughly; centroid and volume are the sphere's."""
    distance = np.linalg.norm(world_mm(volume) - np.array(centre_mm)[:, None, None, None], axis=0)
    return np.clip(radius_mm - distance + 0.5, 0, 1)


def centroid(weight, volume):
    return (world_mm(volume) * weight).sum(axis=(1, 2, 3)) / weight.sum()


@pytest.mark.parametrize(("storage", "grid"), [*((name, SMALL) for name in STORAGES), ("oblique", PAPER)])
def test_sphere_painted_into_a_scan_comes_back_to_its_place(storage, grid, made_brain):
    centre = np.array([31.3, -12.7, 20.4])
    brain = made_brain(STORAGES[storage], noise=0)
    sphere = soft_sphere(brain, centre)
    painted = brain.like((brain.data + 400 * sphere).astype(np.float32))
    healthy, ill = (prepare_scan(scan, grid) for scan in (brain, painted))
    difference = (
        ill.scale.undo(ill.image.data) * ill.mask.data - healthy.scale.undo(healthy.image.data) * healthy.mask.data
    )
    back = ill.to_native(np.where(np.abs(difference) > 20, difference, 0))
    assert back.shape == brain.shape
    np.testing.assert_array_equal(back.affine, brain.affine)
    tolerance = np.array([1.0, 1.0, 2.5 if storage == "1x1x5 mm" else 1.0])  # half a slice
    assert (np.abs(centroid(back.data, brain) - centre) < tolerance).all()
    assert back.data.sum() / (400 * sphere.sum()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("storage", ["RAS", "oblique LAS", "1x1x5 mm"])
def test_sphere_comes_back_from_a_registered_space_too(storage, made_brain, monkeypatch):
    brain = made_brain(STORAGES[storage] if storage != "RAS" else np.eye(3), noise=0)
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_euler("xyz", [11, -6, 8], degrees=True).as_matrix() @ np.diag([1.05, 1.0, 1.15])
    monkeypatch.setitem(SPACES, "registered", lambda image, mask: turned)
    prepared = prepare_scan(brain, SMALL, space="registered")
    centre = np.array([31.3, -12.7, 20.4])
    sphere = soft_sphere(brain, centre).astype(np.float32)
    back = prepared.to_native(sample(brain.like(sphere), turned, SMALL).data)
    tolerance = np.array([1.0, 1.0, 2.5 if storage == "1x1x5 mm" else 1.0])  # half a slice
    assert (np.abs(centroid(back.data, brain) - centre) < tolerance).all()
    assert back.data.sum() / sphere.sum() == pytest.approx(1, abs=0.15)


def test_48_storage_orders_of_one_scan_are_one_prepared_scan(made_brain):
    brain = made_brain((3.0, 3.5, 4.0))
    brain.data[30:40, 20:30, 20:30] *= 1.2
    reference = prepare_scan(brain, COARSE)
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((1, -1), repeat=3):
            voxel = np.zeros((4, 4))
            voxel[3, 3] = 1
            for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
                voxel[old, new] = flip
                voxel[old, 3] = 0 if flip == 1 else brain.shape[old] - 1
            stored = brain.data.transpose(axes)[:: flips[0], :: flips[1], :: flips[2]]
            prepared = prepare_scan(Volume(stored, brain.affine @ voxel), COARSE)
            np.testing.assert_array_equal(prepared.mask.data, reference.mask.data)
            np.testing.assert_allclose(prepared.image.data, reference.image.data, atol=1e-4)
            back = prepared.to_native(prepared.image.data)
            expected = reference.to_native(reference.image.data).data
            np.testing.assert_allclose(
                back.data, expected.transpose(axes)[:: flips[0], :: flips[1], :: flips[2]], atol=1e-4
            )


@pytest.mark.parametrize("storage", STORAGES)
def test_left_stays_left_front_stays_front_top_stays_top(storage, made_brain):
    brain = made_brain(STORAGES[storage])
    x, y, z = world_mm(brain)
    inside = (np.abs(x) < 50) & (np.abs(y) < 50) & (np.abs(z) < 40)
    places = [(x < -20), (y > 20), (z > 10)]
    marked = brain.like(
        np.where(inside & np.all(places, axis=0) & (brain.data > 0), 1400, brain.data).astype(np.float32)
    )
    bright = np.argwhere(prepare_scan(marked, COARSE).image.data > 1.1).mean(0)
    assert bright[0] < 8.5  # grid voxel 9.5 is the midline; x runs to the right
    assert bright[1] > 12.5
    assert bright[2] > 10.5


def test_prepared_image_is_in_range_and_zero_outside_the_brain(made_brain):
    prepared = prepare_scan(made_brain(), SMALL)
    assert prepared.image.data.dtype == np.float32
    assert prepared.mask.data.dtype == np.bool_
    assert prepared.image.shape == prepared.mask.shape == SMALL.shape
    assert not prepared.image.data[~prepared.mask.data].any()
    assert prepared.image.data.min() == 0
    assert 0.9 < prepared.image.data.max() <= 1.5
    white = np.median(prepared.image.data[36:44, 60:70, 30:34])
    assert white == pytest.approx(0.887, abs=0.03)  # made white matter is its own 85th percentile
    box = np.argwhere(prepared.mask.data)
    np.testing.assert_allclose(box.max(0) - box.min(0) + 1, [70, 88, 68], atol=2)  # 140 x 176 x 136 mm


def test_coverage_is_the_share_of_the_brain_that_the_grid_sees(made_brain):
    brain = made_brain()
    assert prepare_scan(brain, SMALL).coverage == 1
    # 100 of 136 mm of an ellipsoid's height h: the share is (3 h - h^3) / 2 with h = 100/136
    h = 100 / 136
    assert prepare_scan(brain, PAPER).coverage == pytest.approx((3 * h - h**3) / 2, abs=0.02)


def test_image_returns_to_its_own_grid_and_intensities(made_brain):
    brain = made_brain(noise=0)
    prepared = prepare_scan(brain, SMALL)
    back = prepared.to_native(prepared.image.data)
    inside = prepared.native_mask.data
    assert not back.data[~inside].any()
    error = np.abs(prepared.scale.undo(back.data) - brain.data)[inside]
    assert np.median(error) < 10  # of 1000
    assert error.mean() < 60


def test_lesion_comes_onto_the_grid_inside_the_brain(made_brain):
    brain = made_brain((2.0, 2.0, 2.0))
    prepared = prepare_scan(brain, SMALL)
    lesion = soft_sphere(brain, (30.0, 0, 10), 10) > 0.5
    on_grid = prepared.lesion_on_grid(brain.like(lesion))
    assert on_grid.dtype == np.bool_
    # model space is the brain's box, stretched: volumes scale with it
    stretch = np.linalg.det(prepared.model_from_world[:3, :3])
    assert on_grid.sum() * 0.008 == pytest.approx(lesion.sum() * brain.voxel_ml * stretch, rel=0.05)
    outside = np.zeros(brain.shape, bool)
    outside[:4, :4, :4] = True
    assert not prepared.lesion_on_grid(brain.like(outside)).any()


@pytest.mark.parametrize("radius_mm", [1.5, 2.0, 3.0, 4.0])
def test_small_lesions_keep_their_volume_on_a_coarser_grid(radius_mm, made_brain):
    brain = made_brain((1.0, 1.0, 1.0))
    prepared = prepare_scan(brain, SMALL)
    stretch = np.linalg.det(prepared.model_from_world[:3, :3])
    places = ((20.0, 5.0, 10.0), (-20.5, 5.5, 10.5), (20.3, -25.6, 0.9))
    lesions = [soft_sphere(brain, place, radius_mm) > 0.5 for place in places]
    there = sum(lesion.sum() for lesion in lesions) * brain.voxel_ml * stretch
    found = sum(prepared.lesion_on_grid(brain.like(lesion)).sum() for lesion in lesions) * 0.008
    assert found == pytest.approx(there, abs=0.004 * len(places))  # half a voxel each


def test_a_speck_in_a_given_mask_does_not_move_the_brain_and_is_told(made_brain):
    brain = made_brain((2.0, 2.0, 2.0))
    clean, speck = (brain.like(brain.data != 0) for _ in range(2))
    assert not speck.data[0, 0, 0]
    speck.data[0, 0, 0] = True
    one, other = (prepare_scan(brain, SMALL, given_mask=mask) for mask in (clean, speck))
    np.testing.assert_array_equal(one.model_from_world, other.model_from_world)
    assert one.native.warnings == ()
    assert other.native.warnings == ("0.008 ml of the brain mask lie apart from the brain and count as brain",)


def test_a_large_part_that_lies_apart_belongs_to_the_brain(made_brain):
    brain = made_brain((2.0, 2.0, 2.0))
    mask = brain.like(brain.data != 0)
    mask.data[:, :, mask.shape[2] // 3] = False  # as where a mask cuts the cerebellum off
    assert without_islands(mask).data.sum() == mask.data.sum()


def test_given_mask_prepares_a_whole_head(made_brain):
    brain = made_brain()
    head = brain.like(brain.data + 55)
    prepared = prepare_scan(head, SMALL, given_mask=brain.like(brain.data != 0))
    np.testing.assert_allclose(prepared.image.data, prepare_scan(brain, SMALL).image.data, atol=0.01)
    with pytest.raises(ImageError, match="whole head"):
        prepare_scan(head, SMALL)


def test_preparing_leaves_the_scan_alone(made_brain):
    brain = made_brain()
    before = brain.data.copy()
    prepared = prepare_scan(brain, SMALL)
    prepared.to_native(prepared.image.data)
    np.testing.assert_array_equal(brain.data, before)


def test_real_patient_keeps_shape_and_place_and_time(shared_data):
    (case,) = discover([shared_data / "mslub"])
    scan = read_volume(case.image)
    start = perf_counter()
    prepared = prepare_scan(scan, SMALL)
    middle = perf_counter()
    back = prepared.to_native(prepared.image.data)
    assert (middle - start, perf_counter() - middle) < (20, 10)  # hangs are caught here, speed is measured elsewhere
    assert back.shape == (182, 218, 182)
    np.testing.assert_array_equal(back.affine, scan.affine)
    inside = prepared.native_mask.data
    assert np.corrcoef(back.data[inside], scan.data[inside])[0, 1] > 0.95
    assert prepared.coverage == 1
