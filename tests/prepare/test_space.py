from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pseudohealthy.errors import ImageError
from pseudohealthy.io.templates import load_template
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.regions import size, start, support
from pseudohealthy.prepare.register import Registration
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.prepare.space import MNI_CENTRE_MM, MODEL_BOX_MM, SPACES, brainbox, mni152

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
    assert SPACES["mni152"] is mni152


@pytest.fixture
def registered(monkeypatch):
    """`registered(affine, *problems)`: what the registration finds; it is tested by itself."""

    def registered(template_from_world, *problems):
        found = Registration(template_from_world, 0.96, 0.7, 1.0, (1.0, 1.1, 1.2), 5.0, problems)
        monkeypatch.setattr("pseudohealthy.prepare.space.register", lambda *_: found)
        monkeypatch.setattr("pseudohealthy.prepare.space.load_template", lambda name: None)

    return registered


def test_mni152_is_the_template_s_space_around_the_middle_of_its_brain(made_brain, registered):
    brain = made_brain()
    template_from_world = np.eye(4)
    template_from_world[:3, :3] = 1.1 * TILT
    template_from_world[:3, 3] = [3, -20, 8]
    registered(template_from_world)
    to_model = mni152(brain, brain.like(brain.data != 0))
    place = np.array([10.0, 20, 30, 1])
    np.testing.assert_allclose((to_model @ place)[:3], (template_from_world @ place)[:3] - MNI_CENTRE_MM)


def test_middle_and_extent_of_the_mni152_s_brain_fit_the_grid():
    mask = load_template("mni152").brain_mask.canonical()
    box = support(mask.data, 0)
    middle = mask.affine @ [*(start(box) + (np.array(size(box)) - 1) / 2), 1]
    np.testing.assert_allclose(middle[:3], MNI_CENTRE_MM)
    grid = GRIDS["small"]
    assert (np.array(size(box)) < np.array(grid.shape) * grid.spacing_mm).all()


def test_registration_that_cannot_be_trusted_is_refused_with_its_reasons(made_brain, registered):
    registered(np.eye(4), "the masks do not overlap", "the head is upside down")
    scan = replace(made_brain((5.0, 5.0, 5.0)), source=Path("odd.nii.gz"))
    with pytest.raises(
        ImageError, match=r"odd\.nii\.gz: found .*mni152: the masks do not overlap; the head is upside down; needed"
    ):
        prepare_scan(scan, GRIDS["small"], space="mni152")
