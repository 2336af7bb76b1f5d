import numpy as np
import pytest
import torch

from pseudohealthy.virtual.fields import HALF_FIELD_MM, Field, random_field, random_map


def affine_field() -> Field:
    axes = [torch.linspace(-4, 4, 5), torch.linspace(0, 6, 4), torch.linspace(10, 12, 3)]
    x, y, z = torch.meshgrid(*axes, indexing="ij")
    return Field(torch.stack([x, 2 * y - z]), (-4.0, 0.0, 10.0), (4.0, 6.0, 12.0))


def test_trilinear_sampling_is_exact_for_a_linear_function():
    points = torch.tensor([[0.3, 1.7, 10.2], [-3.9, 5.9, 11.9]])
    expected = torch.stack([points[:, 0], 2 * points[:, 1] - points[:, 2]])
    assert torch.allclose(affine_field().at(points), expected, atol=1e-5)


def test_outside_the_box_the_border_goes_on():
    assert affine_field().at(torch.tensor([[[9.0, -3.0, 30.0]]])).flatten().tolist() == pytest.approx([4.0, -12.0])


def test_any_shape_of_points():
    assert affine_field().at(torch.zeros(2, 3, 5, 3)).shape == (2, 2, 3, 5)


@pytest.mark.parametrize("scale_mm", [9.0, 30.0])
def test_random_fields_have_unit_variance_everywhere(scale_mm):
    axes = [np.linspace(-40, 40, 9)] * 3
    maps = random_map(np.random.default_rng(0), 800, scale_mm, axes)
    assert np.abs(maps.mean(axis=0)).max() < 5 / np.sqrt(800)
    assert maps.var(axis=0) == pytest.approx(np.ones((9, 9, 9)), abs=5 * np.sqrt(2 / 800))


def test_correlation_falls_to_nothing_beyond_four_knots():
    axes = [np.array([-20.0, -19.0, 21.0]), np.zeros(1), np.zeros(1)]
    maps = random_map(np.random.default_rng(1), 4000, 10.0, axes)[:, :, 0, 0]
    correlation = np.corrcoef(maps.T)
    assert correlation[0, 1] > 0.95
    assert abs(correlation[0, 2]) < 5 / np.sqrt(4000)


def test_any_grid_sees_the_same_field():
    coarse, fine = [np.arange(-30, 31, 6.0)] * 3, [np.arange(-30, 31, 2.0)] * 3
    on_coarse = random_map(np.random.default_rng(2), 1, 9.0, coarse)
    on_fine = random_map(np.random.default_rng(2), 1, 9.0, fine)
    assert np.allclose(on_coarse, on_fine[:, ::3, ::3, ::3], atol=1e-5)


def test_a_field_interpolates_that_map():
    field = random_field(np.random.default_rng(3), 2, 20.0, 4.0)
    assert field.high_mm == HALF_FIELD_MM
    at_nodes = random_map(np.random.default_rng(3), 2, 20.0, [np.array([-92.0, 0.0, 92.0]), np.zeros(1), np.zeros(1)])
    points = torch.tensor([[-92.0, 0, 0], [0, 0, 0], [92.0, 0, 0]])
    assert np.allclose(field.at(points).numpy(), at_nodes[:, :, 0, 0], atol=0.02)


def test_no_points_have_no_values():
    assert affine_field().at(torch.zeros(0, 3)).shape == (2, 0)
