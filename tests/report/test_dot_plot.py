import io

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from pseudohealthy.report.dot_plot import dot_plot


def plot(mean, low, high, theme="light", sets=("tumour",)):
    entry = {"n": 4, "dice_oracle": mean, "dice_oracle_ci": [low, high], "auprc": None}
    return dot_plot({"unet": dict.fromkeys(sets, entry)}, ["unet"], theme)


def blue_columns(picture):
    array = imread(io.BytesIO(picture.content), format="png")[..., :3]
    below_legend = array[45:]
    return np.flatnonzero((np.abs(below_legend - to_rgb("#0b62a4")).max(axis=-1) < 0.2).any(axis=0))


def test_the_line_spans_the_interval_on_one_scale_from_0_to_1():
    whole, half = blue_columns(plot(0.5, 0.0, 1.0)), blue_columns(plot(0.5, 0.25, 0.75))
    assert abs(np.ptp(half) / np.ptp(whole) - 0.5) < 0.03
    assert abs(half.mean() - whole.mean()) < 3
    high = blue_columns(plot(0.9, 0.8, 1.0))
    assert high.min() > whole.mean()


def test_a_mean_without_interval_is_a_dot():
    entry = {"n": 1, "dice_oracle": 0.5, "dice_oracle_ci": None}
    picture = dot_plot({"unet": {"ms": entry}}, ["unet"], "light")
    assert 5 < np.ptp(blue_columns(picture)) < 20


def test_more_than_four_sets_take_a_second_line():
    four, five = plot(0.5, 0.4, 0.6, sets="abcd"), plot(0.5, 0.4, 0.6, sets="abcde")
    assert five.width_px == four.width_px
    assert five.height_px > 1.6 * four.height_px
    assert "a, b, c, d, e" in five.alt


def test_the_dark_theme_has_the_dark_pages_ground():
    array = imread(io.BytesIO(plot(0.5, 0.4, 0.6, "dark").content), format="png")[..., :3]
    np.testing.assert_allclose(array[-1, -1], to_rgb("#1b1f23"), atol=0.01)


def test_without_a_lesion_anywhere_there_is_no_plot():
    assert dot_plot({"unet": {"healthy": {"n": 4, "dice_oracle": None}}}, ["unet"], "light") is None
