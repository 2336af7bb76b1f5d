import numpy as np
import pytest

from pseudohealthy.report.slices import axial, best_slice, crop, survey

MM = (2.0, 2.0, 2.0)


def test_an_axial_picture_has_anterior_on_top_and_the_patients_right_on_the_left():
    data = np.zeros((4, 6, 3))
    data[3, 5, 1] = 1  # RAS+: most to the right, most anterior
    data[0, 0, 1] = 2  # most to the left, most posterior
    picture = axial(data, 1)
    assert picture.shape == (6, 4)
    assert picture[0, 0] == 1
    assert picture[5, 3] == 2
    assert axial(data, 0).max() == 0


def test_the_slice_with_most_truth_is_shown_else_most_prediction_else_the_middle_of_the_brain():
    brain = np.zeros((5, 5, 20), bool)
    brain[1:4, 1:4, 4:17] = True
    predicted, truth, empty = np.zeros_like(brain), np.zeros_like(brain), np.zeros_like(brain)
    predicted[1:3, 1:3, 6] = predicted[1, 1, 7] = True
    truth[1, 1, 12] = truth[1:3, 1, 13] = True
    assert best_slice(brain, predicted, truth) == 13
    assert best_slice(brain, predicted, empty) == 6
    assert best_slice(brain, predicted, None) == 6
    assert best_slice(brain, empty, None) == 10
    assert best_slice(empty, empty, None) == 10


def test_of_equal_slices_the_middle_one_is_shown():
    brain, truth = np.ones((5, 5, 20), bool), np.zeros((5, 5, 20), bool)
    truth[1:3, 1:3, 6:13] = True
    assert best_slice(brain, truth, truth) == 9


@pytest.mark.parametrize(("spacing", "margin"), [((1.0, 1.0, 5.0), (3, 3)), ((5.0, 2.0, 1.0), (1, 2))])
def test_the_box_has_three_mm_of_margin_along_each_axis(spacing, margin):
    brain = np.zeros((60, 60, 4), bool)
    brain[20:31, 25:41, 1:3] = True
    x, y = crop(brain, spacing)
    assert (x.start, x.stop) == (20 - margin[0], 31 + margin[0])
    assert (y.start, y.stop) == (25 - margin[1], 41 + margin[1])


def test_the_box_ends_at_the_picture_and_is_everything_without_a_brain():
    brain = np.zeros((10, 12, 3), bool)
    assert crop(brain, MM) == (slice(0, 10), slice(0, 12))
    brain[0, 0, 0] = True
    assert brain[crop(brain, MM)].any()
    assert crop(brain, MM)[0].start == 0


def ball(shape, centre, radius):
    place = np.indices(shape)
    return sum((axis - c) ** 2 for axis, c in zip(place, centre, strict=True)) <= radius**2


def test_a_survey_cuts_every_finding_and_fills_up_with_the_brain():
    brain = ball((60, 60, 60), (30, 30, 30), 27)
    findings = ball(brain.shape, (20, 30, 14), 4) | ball(brain.shape, (40, 30, 45), 3)
    chosen = survey(brain, findings, MM, 8)
    assert len(chosen) == 8
    assert chosen == sorted(set(chosen))
    assert {14, 45} <= set(chosen)
    assert min(chosen) >= 3
    assert max(chosen) <= 57
    assert np.diff(chosen).max() <= 12  # no large part of the brain is left out


def test_findings_that_one_slice_cuts_take_one_slice():
    brain = ball((60, 60, 60), (30, 30, 30), 27)
    findings = ball(brain.shape, (15, 30, 30), 4) | ball(brain.shape, (45, 30, 31), 4)
    chosen = survey(brain, findings, MM, 2)
    assert len(chosen) == 2
    assert abs(chosen[0] - chosen[1]) > 10
    assert 30 in chosen


def test_pieces_below_a_tenth_of_a_ml_do_not_use_up_the_slices():
    brain = ball((60, 60, 60), (30, 30, 30), 27)
    specks = np.zeros_like(brain)
    specks[30, 20:30:2, 5::6] = True  # 8 mm3 each
    large = ball(brain.shape, (30, 40, 41), 3)
    assert 41 in survey(brain, specks | large, MM, 3)
    assert survey(brain, specks, MM, 3) == survey(brain, np.zeros_like(brain), MM, 3)


def test_a_survey_of_few_thick_slices_shows_each_at_most_once():
    brain = np.ones((10, 10, 3), bool)
    assert survey(brain, np.zeros_like(brain), (1.0, 1.0, 5.0), 8) == [0, 1, 2]
    assert survey(np.zeros((4, 4, 2), bool), np.zeros((4, 4, 2), bool), (1.0, 1.0, 5.0), 8) == [0, 1]
