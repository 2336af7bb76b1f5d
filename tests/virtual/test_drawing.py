import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.virtual.anatomy import Anatomy
from pseudohealthy.virtual.appearance import Appearance
from pseudohealthy.virtual.drawing import Head, head_window
from pseudohealthy.virtual.fields import HALF_FIELD_MM

GRID_MM = [np.arange(-half + 2, half, 4.0) for half in HALF_FIELD_MM]


@pytest.fixture(scope="module")
def head() -> Head:
    return Head(Anatomy(3), Appearance(3), GRID_MM, 4.0)


def test_the_window_holds_the_whole_brain_with_a_margin(head):
    window = head_window(Anatomy(3), GRID_MM, 4.0)
    for axis, (part, brain) in enumerate(zip(window, np.argwhere(head.canvas.brain).T, strict=True)):
        assert 0 <= part.start <= brain.min() - 2
        assert brain.max() + 2 < part.stop <= len(GRID_MM[axis])


def test_the_brain_is_one_piece_without_holes_and_does_not_reach_the_edge(head):
    brain = head.canvas.brain
    assert ndimage.label(brain)[1] == 1
    assert np.array_equal(ndimage.binary_fill_holes(brain), brain)
    assert not any(brain.take(end, axis=axis).any() for axis in range(3) for end in (0, -1))


def test_white_matter_is_brighter_than_grey_and_grey_than_csf(head):
    canvas = head.canvas
    levels = [
        canvas.plain[canvas.brain & (tissue > 0.9) & (canvas.deep == 0)].mean()
        for tissue in (canvas.csf, canvas.gm, canvas.wm)
    ]
    assert levels == pytest.approx([canvas.csf_level, canvas.gm_level, 1.0], abs=0.09)
    assert levels == sorted(levels)


def test_nothing_is_resampled_when_nothing_moves(head):
    same = head.canvas.redraw(np.zeros_like(head.canvas.points_mm))
    assert np.array_equal(same.image, head.canvas.image)


def test_tissue_that_moves_by_a_voxel_is_drawn_a_voxel_further(head):
    displacement = np.zeros_like(head.canvas.points_mm)
    displacement[..., 1] = -4.0  # each voxel shows what was one voxel behind
    moved = head.canvas.redraw(displacement)
    inside = head.canvas.brain[:, 1:-1] & head.canvas.brain[:, :-2]
    for name in ("image", "gm", "wm", "csf", "lateral_mm"):
        now, before = getattr(moved, name)[:, 1:-1], getattr(head.canvas, name)[:, :-2]
        assert np.allclose(now[inside], before[inside], atol=1e-3)
    assert np.array_equal(moved.brain, head.canvas.brain)  # the skull stays
