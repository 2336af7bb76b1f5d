import numpy as np
import pytest

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.model_grid import GRIDS, ModelGrid, field, keep_volume, sample, sample_back

GRID = ModelGrid("toy", (12, 14, 10), 2.0)


@pytest.mark.parametrize(
    ("name", "shape", "corner"), [("paper", (96, 96, 50), [-95, -95, -49]), ("small", (80, 96, 80), [-79, -95, -79])]
)
def test_grids_are_centred_at_the_model_origin(name, shape, corner):
    grid = GRIDS[name]
    assert (grid.name, grid.shape, grid.spacing_mm) == (name, shape, 2.0)
    np.testing.assert_array_equal(
        grid.affine, [[2, 0, 0, corner[0]], [0, 2, 0, corner[1]], [0, 0, 2, corner[2]], [0, 0, 0, 1]]
    )
    np.testing.assert_array_equal(grid.affine @ [*(np.array(shape) - 1), 1], [*(-np.array(corner)), 1])


def ramp(shape=(40, 44, 36), affine=None):
    """A volume whose value is linear in world mm."""
    affine = np.diag([1.0, 1, 1, 1]) if affine is None else affine
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    indices = np.indices(shape).reshape(3, -1)
    x, y, z = affine[:3, :3] @ indices + affine[:3, 3:]
    return Volume((100 + x + 2 * y - 3 * z).reshape(shape).astype(np.float32), affine)


def test_voxels_that_are_covered_alike_are_lesion_together_or_not_at_all():
    whole, half, third = np.ones(5), np.full(6, 0.5), np.full(6, 1 / 3)
    assert keep_volume(np.concatenate([whole, half])).sum() == 5 + 6  # 8: three too many or too few
    assert keep_volume(np.concatenate([whole, third])).sum() == 5  # 7: two too few, four too many
    assert keep_volume(third[:4]).all()  # but a lesion does not vanish
    assert not keep_volume(np.full(6, 0.05)).any()


def test_identity_returns_every_voxel():
    data = np.random.default_rng(0).random(GRID.shape).astype(np.float32)
    volume = Volume(data, GRID.affine)
    for order in (1, 3):
        np.testing.assert_allclose(sample(volume, np.eye(4), GRID, order).data, data, atol=1e-5)
    np.testing.assert_allclose(sample_back(data, GRID, np.eye(4), volume).data, data, atol=1e-6)


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("spacing", [(1.0, 1, 1), (-0.7, 1, 1.4), (2, 2, 3)], ids=str)
def test_linear_image_is_sampled_exactly_in_any_spacing(order, spacing):
    volume = ramp((80, 80, 60), np.diag([*spacing, 1.0]))
    shift = np.eye(4)
    shift[:3, 3] = [1.3, -0.4, 2.2]
    on_grid = sample(volume, shift, GRID, order)
    places = np.indices(GRID.shape).reshape(3, -1)
    x, y, z = GRID.affine[:3, :3] @ places + GRID.affine[:3, 3:] - shift[:3, 3:]
    np.testing.assert_allclose(on_grid.data.ravel(), 100 + x + 2 * y - 3 * z, atol=0.02)
    np.testing.assert_array_equal(on_grid.affine, GRID.affine)
    assert on_grid.data.dtype == np.float32


def test_linear_map_returns_exactly_inside_the_field():
    places = np.indices(GRID.shape).reshape(3, -1)
    x, y, z = GRID.affine[:3, :3] @ places + GRID.affine[:3, 3:]
    on_grid = (100 + x + 2 * y - 3 * z).reshape(GRID.shape)
    native = ramp()
    back = sample_back(on_grid, GRID, np.eye(4), native)
    reach = (np.array(GRID.shape) - 1) * GRID.spacing_mm / 2  # between outermost voxel centres
    world = np.indices(native.shape) + native.affine[:3, 3][:, None, None, None]
    between = (np.abs(world) <= reach[:, None, None, None]).all(0)
    np.testing.assert_allclose(back.data[between], native.data[between], atol=1e-3)


def test_field_reaches_to_the_edges_of_the_voxels_and_outside_is_zero():
    native = ramp()
    inside = field(GRID, np.eye(4), native).data
    world = np.indices(native.shape) + native.affine[:3, 3][:, None, None, None]
    reach = np.array(GRID.shape) * GRID.spacing_mm / 2
    np.testing.assert_array_equal(inside, (np.abs(world) <= reach[:, None, None, None]).all(0))
    back = sample_back(np.full(GRID.shape, 5.0), GRID, np.eye(4), native)
    np.testing.assert_allclose(back.data[inside], 5)
    assert not back.data[~inside].any()
    assert back.data.dtype == np.float32


def test_field_of_a_rotated_scan_is_that_of_each_voxel():
    c, s = np.cos(0.4), np.sin(0.4)
    native = ramp(affine=np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    world = native.affine[:3, :3] @ np.indices(native.shape).reshape(3, -1) + native.affine[:3, 3:]
    expected = (np.abs(world) <= np.array(GRID.shape)[:, None] * GRID.spacing_mm / 2).all(0)
    np.testing.assert_array_equal(field(GRID, np.eye(4), native).data.ravel(), expected)
    back = sample_back(np.ones(GRID.shape), GRID, np.eye(4), native)
    np.testing.assert_allclose(back.data.ravel(), expected, atol=1e-6)


def test_sparse_map_returns_as_the_whole_would():
    """Only the part that is not zero is computed: it must not show."""
    rng = np.random.default_rng(3)
    sparse = np.zeros(GRID.shape)
    sparse[4:7, 0:5, 6:10] = rng.random((3, 5, 4))
    native = ramp(affine=np.diag([-0.9, 1.1, 1, 1]))
    dense = sparse + 1
    whole = sample_back(dense, GRID, np.eye(4), native).data - field(GRID, np.eye(4), native).data
    np.testing.assert_allclose(sample_back(sparse, GRID, np.eye(4), native).data, whole, atol=1e-6)
    assert not sample_back(np.zeros(GRID.shape), GRID, np.eye(4), native).data.any()


def test_fine_pattern_does_not_alias():
    volume = ramp()
    stripes = volume.like(
        np.broadcast_to(np.cos(np.pi * 0.9 * np.arange(40))[:, None, None], volume.shape).astype(np.float32)
    )
    on_grid = sample(stripes, np.eye(4), GRID).data[2:-2, 2:-2, 2:-2]
    assert np.abs(stripes.data).max() > 0.9
    assert np.abs(on_grid).max() < 0.08  # point sampling would show it at full height, as a slow wave


def test_axis_on_which_the_scan_is_coarser_is_not_blurred():
    volume = ramp((40, 44, 12), np.diag([2.0, 2, 4, 1]))
    impulse = np.zeros(volume.shape, np.float32)
    impulse[:, :, 6] = 1  # a slice of 4 mm at z = 2 mm
    column = sample(volume.like(impulse), np.eye(4), GRID).data[6, 7]
    z = GRID.affine[2, 2] * np.arange(10) + GRID.affine[2, 3]
    np.testing.assert_allclose(column, np.clip(1 - np.abs(z - 2) / 4, 0, 1), atol=1e-6)


def test_mask_stays_a_mask_of_its_volume():
    volume = ramp()
    world = np.indices(volume.shape) + volume.affine[:3, 3][:, None, None, None]
    ball = (world**2).sum(0) < 8**2
    on_grid = sample(volume.like(ball), np.eye(4), GRID)
    assert on_grid.data.dtype == np.bool_
    assert on_grid.data.sum() * 0.008 == pytest.approx(ball.sum() * 0.001, rel=0.05)


def test_scan_outside_the_field_gives_nothing():
    volume = ramp()
    away = np.eye(4)
    away[0, 3] = 500
    assert not sample(volume, away, GRID).data.any()
    assert not sample_back(np.ones(GRID.shape), GRID, away, volume).data.any()


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("fortran", [False, True], ids=["C", "F"])
def test_parallel_axes_are_resampled_as_oblique_ones_are(order, fortran, monkeypatch):
    """Axis by axis gives what the spline in space gives, in files' storage order as in memory's."""
    rng = np.random.default_rng(7)
    native = ramp((31, 44, 26), np.diag([-0.9, 1.1, 2.6, 1.0]))
    data = rng.random(native.shape).astype(np.float32)
    native = native.like(np.asfortranarray(data) if fortran else data)
    shift, map_on_grid = np.eye(4), rng.random(GRID.shape)
    shift[:3, 3] = [8.3, -0.4, 2.2]  # a part of the grid lies outside the scan
    fast = sample(native, shift, GRID, order).data, sample_back(map_on_grid, GRID, shift, native).data
    monkeypatch.setattr("pseudohealthy.prepare.model_grid.is_parallel", lambda matrix: False)
    slow = sample(native, shift, GRID, order).data, sample_back(map_on_grid, GRID, shift, native).data
    for one, other in zip(fast, slow, strict=True):
        assert one.any()
        np.testing.assert_allclose(one, other, atol=1e-6)
