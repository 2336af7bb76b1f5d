"""What is said about a result: here the affine is given, and known to be right or wrong."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_frame import frame_of
from pseudohealthy.prepare.registration import judge


def affine(matrix, shift=(0.0, 0, 0)):
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = matrix, shift
    return whole


@pytest.fixture
def judged(made_brain):
    """`judged(scan_from_template, scan)`: the template is a made brain, and so is the scan unless given."""
    brain = made_brain((4.0, 4.0, 4.0))

    def judged(scan_from_template, scan=brain):
        frames = [frame_of(volume, volume.like(volume.data != 0)) for volume in (scan, brain)]
        return judge(*frames, scan_from_template, 4.0)

    return judged


def test_right_one_has_nothing_against_it(judged):
    found = judged(np.eye(4))
    assert found.mask_dice == pytest.approx(1)
    assert found.correlation == pytest.approx(1)
    assert found.field == 1
    np.testing.assert_allclose(found.zooms, 1)
    assert found.rotation_degrees == pytest.approx(0, abs=1e-4)
    assert (found.problems, found.warnings) == ((), ())


@pytest.mark.parametrize(
    ("scan_from_template", "problem"),
    [
        (affine(np.eye(3), (30.0, 0, 0)), "brain masks overlap with a Dice of 0."),
        (affine(np.diag([-1.0, 1, 1])), "left and right are exchanged"),
        (affine(Rotation.from_euler("x", 180, degrees=True).as_matrix()), "turned by 180 degrees"),
        (affine(Rotation.from_euler("z", 90, degrees=True).as_matrix()), "turned by 90 degrees"),
        (affine(np.diag([0.4, 1, 1])), "stretched by 1.00 to 2.50"),
    ],
)
def test_wrong_one_is_told_apart(judged, scan_from_template, problem):
    assert any(problem in sentence for sentence in judged(scan_from_template).problems)


def test_brain_that_looks_like_none_is_told_apart(judged, made_brain):
    brain = made_brain((4.0, 4.0, 4.0))
    noise = np.random.default_rng(0).uniform(1, 2, brain.shape)
    found = judged(np.eye(4), brain.like(np.where(brain.data != 0, noise, 0).astype(np.float32)))
    assert found.problems == (f"the intensities correlate by {found.correlation:.2f}, below 0.3",)


def test_field_of_view_that_was_cut_off_is_measured(judged, made_brain):
    brain = made_brain((4.0, 4.0, 4.0))
    middle = brain.shape[2] // 2
    half = Volume(brain.data[:, :, :middle], brain.affine)
    down = frame_of(half, half.like(half.data != 0)).frame_from_world
    found = judged(down @ np.linalg.inv(frame_of(brain, brain.like(brain.data != 0)).frame_from_world), half)
    assert found.field == pytest.approx(0.5, abs=0.05)
    assert found.mask_dice > 0.95  # where there is a field of view
    assert any("field of view holds 5" in sentence or "holds 4" in sentence for sentence in found.problems)


def test_voxel_size_that_no_person_has_is_a_warning(judged):
    found = judged(affine(np.diag([1.0, 1, 0.6])))
    assert "stretched by 1.00 to 1.67" in found.warnings[0]
    assert not any("stretched" in problem for problem in found.problems)
