import numpy as np
import pytest

from pseudohealthy.report.colours import grey_window, residual_scale, score_scale


def lightness(rgb):
    """CIE L* of sRGB colours."""
    share = np.asarray(rgb, float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


def window():
    scan = np.linspace(0, 1000, 1001).reshape(7, 11, 13)
    return grey_window(scan, np.ones(scan.shape, bool))


def test_the_grey_window_is_the_half_to_99_and_a_half_percentile_inside_the_brain():
    scan = np.concatenate([np.full(500, -9000.0), np.linspace(0, 1000, 1001), np.full(500, 9000.0)]).reshape(1, 1, -1)
    brain = np.abs(scan) < 9000
    scale = grey_window(scan, brain)
    assert (scale.low, scale.high) == pytest.approx((5, 995))
    assert scale.ticks == ((scale.low, "5"), (scale.high, "995"))
    grey = scale.paint(np.array([-50.0, 5, 500, 995, 4000]))
    assert grey[:, 0].tolist() == [0, 0, 128, 255, 255]
    assert (grey == grey[:, :1]).all()


def test_a_constant_or_empty_brain_still_has_a_window():
    scan = np.full((3, 3, 3), 0.02)
    for brain in (np.ones(scan.shape, bool), np.zeros(scan.shape, bool)):
        scale = grey_window(scan, brain)
        assert scale.high > scale.low
        assert scale.ticks[0][1] == "0.02"


def test_the_residual_is_symmetric_and_ends_at_half_the_grey_window():
    scale = residual_scale(window())
    assert (scale.low, scale.high) == pytest.approx((-495, 495))
    values = np.linspace(0, 495, 60)
    brighter, darker = scale.paint(values), scale.paint(-values)
    assert (brighter[10:, 0] > brighter[10:, 2]).all()  # red above blue: orange
    assert (darker[10:, 2] > darker[10:, 0]).all()
    for side in (brighter, darker):
        assert (np.diff(lightness(side)) > 0).all()  # lightness alone tells how large, for every kind of colour vision
    np.testing.assert_allclose(lightness(brighter), lightness(darker), atol=4)


def test_scores_have_one_fixed_range_and_rising_lightness():
    scale = score_scale()
    assert (scale.low, scale.high) == (0, 1)
    painted = scale.paint(np.linspace(0, 1, 256))
    assert (np.diff(lightness(painted)) > -0.2).all()
    assert lightness(painted)[-1] - lightness(painted)[0] > 70
    assert (scale.paint(np.array([-1.0, 2.0])) == painted[[0, -1]]).all()
