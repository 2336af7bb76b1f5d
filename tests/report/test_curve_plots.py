"""The plots of curves, volumes and healthy scans: what is drawn where, read back from the pixels."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from pseudohealthy.evaluate.curves import ByVolume, Point, Scan, Spread, Tertile
from pseudohealthy.evaluate.statistics import Estimate
from pseudohealthy.report.healthy_plot import healthy_plot
from pseudohealthy.report.line_plot import line_plot
from pseudohealthy.report.theme import THEMES
from pseudohealthy.report.volume_plot import volume_plot

LEGEND_PX = 45


def pixels(picture, colour, tolerance=0.1):
    """(rows, columns) below the legend that have a colour."""
    array = imread(io.BytesIO(picture.content), format="png")[LEGEND_PX:, :, :3]
    return np.nonzero(np.abs(array - to_rgb(colour)).max(axis=-1) < tolerance)


def lines(values, half=0.0):
    return [Point(x, Estimate(mean, mean - half, mean + half, 9)) for x, mean in values]


def test_a_line_rises_where_its_means_rise_and_a_band_widens_it():
    def draw(half):
        return line_plot({"ms": {"a": lines([(0, 0.2), (1, 0.8)], half)}}, "light", across="beta", upward="AUPRC")

    rows, columns = pixels(draw(0.0), THEMES["light"].series[0])
    left, right = columns.min(), columns.max()
    assert rows[columns < left + 5].mean() > rows[columns > right - 5].mean()
    faint = pixels(draw(0.1), "#d1e1ed", 0.06)[0]  # 0.18 of the first colour on white
    assert np.ptp(faint) > np.ptp(rows)
    assert "0.200 at 0, 0.800 at 1" in draw(0.0).alt


def test_even_steps_leave_the_scale():
    def columns(evenly):
        points = lines([(1, 0.5), (2, 0.5), (10, 0.5)])
        picture = line_plot({"ms": {"a": points}}, "light", across="n", upward="AUPRC", evenly=evenly)
        rows, found = pixels(picture, THEMES["light"].series[0])
        thick = [np.ptp(rows[found == column]) for column in np.unique(found)]
        marks = np.unique(found)[np.array(thick) > 5]
        return (np.diff(marks)[np.diff(marks) > 1]).tolist()

    near, far = columns(False)
    assert far > 5 * near
    one, other = columns(True)
    assert one == pytest.approx(other, abs=3)


def test_five_sets_make_lines_of_three_and_two():
    panels = {name: {"a": lines([(0, 0.5), (1, 0.5)])} for name in "abcde"}
    five = line_plot(panels, "dark", across="beta", upward="AUPRC")
    three = line_plot({name: panels[name] for name in "abc"}, "dark", across="beta", upward="AUPRC")
    assert five.width_px == three.width_px
    assert five.height_px > 1.8 * three.height_px


def test_a_dot_a_scan_and_a_bar_at_the_median_of_a_third():
    scans = tuple(Scan(volume, value) for volume, value in ((1.0, 0.1), (10.0, 0.5), (100.0, 0.9)))
    tertiles = tuple(Tertile(s.volume_ml / 1.2, s.volume_ml * 1.2, Estimate(s.value, None, None, 1)) for s in scans)
    together = ByVolume(scans, tertiles)
    alone = volume_plot({"cddpm": ({"ms": together}, ByVolume(scans, ()))}, "light", upward="Dice")
    barred = volume_plot({"cddpm": ({"ms": together}, together)}, "light", upward="Dice")
    rows, columns = pixels(alone, "#4889bb", 0.05)  # 0.75 of the first colour on white
    dots = np.array_split(rows[np.argsort(columns)], 3)
    assert (np.diff([dot.mean() for dot in dots]) < -50).all()  # large lesions stand higher
    assert len(pixels(barred, THEMES["light"].ink)[0]) > len(pixels(alone, THEMES["light"].ink)[0])
    assert "0.500 from 8.3 to 12.0 ml" in barred.alt
    assert "Medians" not in alone.alt


def test_what_is_marked_more_stands_further_right():
    def mean_column(volume_ml):
        rows = {"a": Spread((volume_ml, volume_ml), Estimate(volume_ml, None, None, 2)), "b": full}
        found = pixels(healthy_plot(rows, "light"), THEMES["light"].series[1])
        return found[1][found[0] < 45].mean()  # the first line

    full = Spread((100.0,), Estimate(100.0, None, None, 1))
    places = [mean_column(volume_ml) for volume_ml in (0.0, 0.1, 1.0, 10.0)]
    assert (np.diff(places) > 100).all()
    assert places[3] - places[2] == pytest.approx(places[2] - places[1], rel=0.05)  # logarithmic above 0.1 ml
    assert (
        "a 0.00, b 100.00" in healthy_plot({"a": Spread((0.0,), Estimate(0.0, None, None, 1)), "b": full}, "dark").alt
    )


def test_without_a_value_there_is_no_picture():
    nothing = ByVolume((), ())
    assert line_plot({"ms": {"a": []}}, "light", across="beta", upward="AUPRC") is None
    assert volume_plot({"a": ({"ms": nothing}, nothing)}, "light", upward="Dice") is None
    assert healthy_plot({}, "light") is None
