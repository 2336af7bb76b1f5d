import io
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from pseudohealthy.report.canvas import GAP_PX, PANEL_PX, STRIP_PX, TOP_PX
from pseudohealthy.report.colours import BRAIN_COLOUR, MASK_COLOUR, TRUTH_COLOUR
from pseudohealthy.report.panels import render_panels

ALL = ["scan", "reconstruction", "residual", "unsupervised", "supervised", "score", "mask"]
RAS, LAS, PSR = np.diag([4.0, 4, 4]), np.diag([-4.0, 4, 4]), np.array([[0, 0, 4.0], [-4, 0, 0], [0, 4, 0]])


def pixels(picture):
    assert picture.mime == "image/png"
    array = imread(io.BytesIO(picture.content), format="png")
    assert array.shape[:2] == (picture.height_px, picture.width_px)
    return array[..., :3]


def tile(array, column):
    left = GAP_PX + column * (PANEL_PX + GAP_PX)
    return array[TOP_PX + STRIP_PX :, left : left + PANEL_PX]


def near(array, colour, tolerance=0.12):
    return np.abs(array - np.array(to_rgb(colour))).max(axis=-1) < tolerance


def picture(make_prediction, axes=RAS, **settings):
    prediction, truth = make_prediction(axes, **settings)
    return pixels(render_panels(prediction, truth, mime="image/png"))


@pytest.mark.parametrize("axes", [RAS, LAS, PSR], ids=["RAS", "LAS", "PSR"])
def test_a_lesion_in_the_patients_left_is_drawn_on_the_right_in_every_panel(make_prediction, axes):
    array = picture(make_prediction, axes)
    yellow = near(tile(array, 5), "#b5de2b", 0.2)  # viridis near 0.9
    blue = near(tile(array, 2), "#b5ddff", 0.25) | near(tile(array, 2), "#4f9fe0", 0.25)
    for marked in (yellow, blue, near(tile(array, 6), MASK_COLOUR)):
        rows, columns = np.nonzero(marked)
        assert columns.size > 20
        assert columns.mean() > 0.65 * PANEL_PX
        assert rows.mean() < 0.5 * tile(array, 0).shape[0]  # 20 mm in front of the centre: above the middle
    grey = tile(array, 0)[..., 0]
    other_side = grey[:, ::-1]
    assert grey[yellow].mean() < other_side[yellow].mean() - 0.2  # the scan itself: the lesion is dark


def test_the_same_brain_looks_the_same_in_every_storage_order(make_prediction):
    pictures = [picture(make_prediction, axes, noise=0) for axes in (RAS, LAS, PSR)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 5.0), (5.0, 2.0, 2.0), (2.0, 5.0, 2.0)])
def test_a_brain_keeps_its_proportions_whatever_the_voxels(make_prediction, spacing):
    prediction, _ = make_prediction(spacing)
    shown = tile(pixels(render_panels(prediction, mime="image/png")), 2).max(axis=-1) > 0.05
    k = int(np.argmax(prediction.mask.data.sum(axis=(0, 1))))
    brain = prediction.brain_mask.data[:, :, k]
    width_mm, height_mm = (np.count_nonzero(brain.any(axis=1 - axis)) * spacing[axis] for axis in (0, 1))
    width_px, height_px = (np.count_nonzero(shown.any(axis=axis)) for axis in (0, 1))
    assert height_px / width_px == pytest.approx(height_mm / width_mm, rel=0.05)


def test_truth_and_mask_are_outlined_in_their_own_colours(make_prediction):
    prediction, truth = make_prediction()
    last = tile(pixels(render_panels(prediction, truth, mime="image/png")), 6)
    assert near(last, TRUTH_COLOUR).sum() > 20
    assert near(last, MASK_COLOUR).sum() > 20
    last = tile(pixels(render_panels(prediction, None, mime="image/png")), 6)
    assert near(last, TRUTH_COLOUR).sum() == 0
    assert near(last, MASK_COLOUR).sum() > 20


def test_where_only_paint_could_be_found_the_slice_with_most_marked_is_shown(make_prediction):
    prediction, truth = make_prediction()
    marked = np.zeros_like(prediction.mask.data)
    k = int(np.argmax(truth.data.sum(axis=(0, 1)))) - 6
    marked[:, :, k] = prediction.brain_mask.data[:, :, k]
    prediction = replace(prediction, mask=prediction.mask.like(marked))
    shown = [render_panels(prediction, truth, painted=painted).alt for painted in (False, True)]
    heights = [float(re.search(r"z = (\S+) mm", alt)[1].replace("\N{MINUS SIGN}", "-")) for alt in shown]
    assert [round((z - truth.affine[2, 3]) / 4) for z in heights] != [k, k]
    assert round((heights[1] - truth.affine[2, 3]) / 4) == k
    unmarked = replace(prediction, mask=prediction.mask.like(np.zeros_like(marked)))
    assert render_panels(unmarked, truth, painted=True).alt == render_panels(unmarked, truth).alt


def test_an_empty_mask_has_no_outline(make_prediction):
    prediction, truth = make_prediction(found=False)
    last = tile(pixels(render_panels(prediction, truth, mime="image/png")), 6)
    assert near(last, MASK_COLOUR).sum() == 0
    assert near(last, TRUTH_COLOUR).sum() > 20


def test_of_a_whole_head_the_brain_is_outlined_and_of_a_stripped_scan_it_is_not(make_prediction):
    prediction, _ = make_prediction()
    head = replace(prediction, scan=prediction.scan.like(prediction.scan.data + 200))
    shown = {
        name: near(tile(pixels(render_panels(one, mime="image/png")), 0), BRAIN_COLOUR).sum()
        for name, one in (("stripped", prediction), ("head", head))
    }
    assert shown["stripped"] == 0
    assert shown["head"] > 100


def test_outside_the_brain_mask_maps_are_black(make_prediction):
    array = picture(make_prediction)
    for column in (2, 3, 5):
        assert tile(array, column)[:6, :6].max() == 0


def test_a_model_without_segmenter_has_one_panel_less(make_prediction):
    with_both, without = (
        render_panels(make_prediction(supervised=supervised)[0], mime="image/png") for supervised in (True, False)
    )
    assert with_both.width_px - without.width_px == PANEL_PX + GAP_PX
    assert "ŷ" in with_both.alt
    assert "ŷ" not in without.alt


def test_several_slices_stand_below_each_other_from_low_to_high(make_prediction):
    prediction, truth = make_prediction()
    one, six = (render_panels(prediction, truth, count=count) for count in (1, 6))
    assert six.mime == "image/webp"
    assert (six.height_px - TOP_PX - GAP_PX) == 6 * (one.height_px - TOP_PX - GAP_PX)
    heights = [float(z.replace("\N{MINUS SIGN}", "-")) for z in re.findall(r"\N{MINUS SIGN}?\d+(?=,| mm)", six.alt)]
    assert heights == sorted(heights)
    assert len(heights) == 6
    assert any(abs(z - 12) < 4 for z in heights)  # the lesion's centre


def test_one_slice_is_the_one_with_most_lesion_and_says_where_it_is(make_prediction):
    prediction, truth = make_prediction()
    shown = render_panels(prediction, truth)
    z = float(re.search(r"z = (\S+) mm", shown.alt)[1])
    area = truth.data.sum(axis=(0, 1))
    assert area[round((z - truth.affine[2, 3]) / 4)] == area.max()
