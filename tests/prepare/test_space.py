import numpy as np
import pytest

from pseudohealthy.prepare.space import MODEL_BOX_MM, SPACES, brainbox

TILT = np.array([[1, 0, 0], [0, np.cos(0.26), -np.sin(0.26)], [0, np.sin(0.26), np.cos(0.26)]])


def box_mm(mask):
    """World corners (edges) of the mask's box along its storage axes, (8, 3)."""
    inside = np.argwhere(mask.data)
    low, high = inside.min(0) - 0.5, inside.max(0) + 0.5
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1)
    return (mask.affine[:3, :3] @ corners + mask.affine[:3, 3:]).T


@pytest.mark.parametrize(
    "axes",
    [np.diag([3.0, 3, 3]), np.diag([-3.0, 3, 3]), 3 * TILT, np.diag([2.0, 2, 6])],
    ids=["RAS", "LAS", "tilted", "thick"],
)
def test_box_of_the_brain_becomes_the_mni_box_centred_at_the_origin(axes, made_brain):
    brain = made_brain(axes)
    mask = brain.like(brain.data != 0)
    to_model = brainbox(brain, mask)
    corners = box_mm(mask) @ to_model[:3, :3].T + to_model[:3, 3]
    np.testing.assert_allclose(np.sort(corners, axis=0)[[0, -1]], np.array([[-0.5], [0.5]]) * MODEL_BOX_MM, atol=1e-9)


def test_map_is_exactly_invertible_and_keeps_slices_and_left(made_brain):
    brain = made_brain(3 * TILT)
    mask = brain.like(brain.data != 0)
    to_model = brainbox(brain, mask)
    np.testing.assert_allclose(to_model @ np.linalg.inv(to_model), np.eye(4), atol=1e-12)
    step = to_model[:3, :3] @ mask.affine[:3, :3]  # one voxel along each storage axis, in model space
    np.testing.assert_allclose(step - np.diag(np.diag(step)), 0, atol=1e-9)
    assert (np.diag(step) > 0).all()
    left, right = (to_model @ [x, 0, 0, 1] for x in (-30.0, 30.0))
    assert left[0] < 0 < right[0]


def test_off_centre_brain_is_centred(made_brain):
    brain = made_brain()
    data = np.zeros(brain.shape, bool)
    data[3:10, 4:20, 7:12] = True
    to_model = brainbox(brain, brain.like(data))
    centre = brain.affine @ [6.0, 11.5, 9.0, 1]
    np.testing.assert_allclose(to_model @ centre, [0, 0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(np.diag(to_model)[:3], [140 / 21, 176 / 48, 136 / 15], rtol=1e-12)


def test_spaces_are_found_by_name():
    assert SPACES["brainbox"] is brainbox
