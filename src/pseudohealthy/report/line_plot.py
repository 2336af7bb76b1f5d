"""Means against a number, with their intervals as bands: one panel a test set, one line a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pseudohealthy.evaluate.curves import Point
from pseudohealthy.report.canvas import Picture, encode
from pseudohealthy.report.theme import FONT, MARKERS, PLOT_DPI, THEMES, Theme, ThemeName, dress, legend, legend_width_in

_PANELS_A_LINE = 4
_LABEL_IN, _PANEL_IN, _GAP_IN, _HIGH_IN = 0.5, 1.72, 0.22, 1.3
_LEGEND_IN, _TITLE_IN, _TICKS_IN = 0.22, 0.26, 0.46
_MOST_MARKS = 11  # of a line: more would hide it

Lines = Mapping[str, Sequence[Point]]
"""Row -> its points, by rising x."""


def line_plot(
    panels: Mapping[str, Lines],
    theme: ThemeName,
    *,
    across: str,
    upward: str,
    evenly: bool = False,
    upright: Mapping[str, Sequence[float]] = MappingProxyType({}),
    diagonal: bool = False,
) -> Picture | None:
    """Draw curves of every row on every test set.

    Args:
        panels: Test set -> its lines; at most six rows.
        theme: Colours for a light or a dark page.
        across: What x is.
        upward: What y is: a metric from 0 to 1.
        evenly: The values of x stand at even distances, each with its number.
        upright: Row -> values of x that are marked with a broken line in its colour.
        diagonal: Draw where y is x, and both axes to 1.

    Returns:
        The picture, or None where no line has a point.
    """
    drawn = {
        name: {row: points for row, points in lines.items() if points}
        for name, lines in panels.items()
        if any(lines.values())
    }
    if not drawn:
        return None
    style, rows = THEMES[theme], list(dict.fromkeys(row for lines in drawn.values() for row in lines))
    xs = sorted({point.x for lines in drawn.values() for points in lines.values() for point in points})
    place = {x: float(index) if evenly else x for index, x in enumerate(xs)}
    lines_down = -(-len(drawn) // _PANELS_A_LINE)
    columns = -(-len(drawn) // lines_down)
    line_in = _TITLE_IN + _HIGH_IN + _TICKS_IN
    every = [point.estimate for lines in drawn.values() for points in lines.values() for point in points]
    rest = "band: 95 % interval over persons" if any(one.interval for one in every) else ""
    width = max(_LABEL_IN + columns * (_PANEL_IN + _GAP_IN), legend_width_in(rows, _LABEL_IN, rest))
    height = _LEGEND_IN + lines_down * line_in
    figure = Figure(figsize=(width, height), dpi=PLOT_DPI, facecolor=style.paper)
    FigureCanvasAgg(figure)
    top = 1.0 if diagonal else _top(drawn)
    for index, (name, lines) in enumerate(drawn.items()):
        line, column = divmod(index, columns)
        left = _LABEL_IN + column * (_PANEL_IN + _GAP_IN)
        bottom = height - _LEGEND_IN - line * line_in - _TITLE_IN - _HIGH_IN
        axes = figure.add_axes((left / width, bottom / height, _PANEL_IN / width, _HIGH_IN / height))
        dress(axes, style, name)
        axes.grid(visible=True, axis="y", color=style.grid, linewidth=0.6)
        axes.set_ylim(0, top)
        reach = max(place.values()) - min(place.values()) or 1.0
        axes.set_xlim(min(place.values()) - 0.05 * reach, max(place.values()) + 0.05 * reach)
        if evenly:
            axes.set_xticks(list(place.values()), [f"{x:g}" for x in place])
        elif min(xs) >= 0 and max(xs) <= 1:
            axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        else:
            axes.xaxis.set_major_locator(MaxNLocator(2))
            axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(across, fontsize=7, color=style.faint, fontfamily=FONT, labelpad=2)
        if column == 0:
            axes.set_ylabel(upward, fontsize=7, color=style.faint, fontfamily=FONT, labelpad=2)
        else:
            axes.tick_params(labelleft=False)
        if diagonal:
            axes.plot([0, 1], [0, 1], color=style.faint, linewidth=0.7)
            axes.set_xlim(-0.05, 1.05)
        for row, points in lines.items():
            _line(axes, [place[point.x] for point in points], points, rows.index(row), style)
            for x in upright.get(row, ()):
                axes.axvline(x, color=style.series[rows.index(row)], linewidth=0.8, linestyle=(0, (4, 2)))
    legend(figure, style, rows, _LABEL_IN, rest)
    return encode(figure, "image/png", _alt(drawn, across, upward))


def _line(axes: Axes, places: Sequence[float], points: Sequence[Point], series: int, style: Theme) -> None:
    colour = style.series[series]
    means = np.array([point.estimate.mean for point in points], dtype=np.float64)
    apart = -(-len(points) // _MOST_MARKS)
    marks = (series % apart, apart)  # lines that lie on each other show their marks in turn
    (line,) = axes.plot(places, means, MARKERS[series], ls="-", color=colour, linewidth=1.3, markersize=3.2)
    line.set_markevery(marks)
    line.set_clip_on(False)
    banded = [
        (place, *point.estimate.interval)
        for place, point in zip(places, points, strict=True)
        if point.estimate.interval is not None
    ]
    if banded:
        inside, low, high = np.transpose(banded)
        axes.fill_between(inside, low, high, color=colour, alpha=0.18, linewidth=0)


def _top(panels: Mapping[str, Lines]) -> float:
    """The lowest tenth that is above everything, at most 1."""
    ends = [
        end
        for lines in panels.values()
        for points in lines.values()
        for point in points
        for end in (point.estimate.mean, point.estimate.high)
        if end is not None
    ]
    return min(1.0, (int(10 * max(ends)) + 1) / 10)


def _alt(panels: Mapping[str, Lines], across: str, upward: str) -> str:
    told = [f"{name}, {row}: {_told(points)}" for name, lines in panels.items() for row, points in lines.items()]
    return f"Curves of {upward} against {across}. {'; '.join(told)}."


def _told(points: Sequence[Point]) -> str:
    """All of a short curve, a few points of a long one."""
    known = [point for point in points if point.estimate.mean is not None]
    if len(known) > _MOST_MARKS:
        places = np.linspace(0, len(known) - 1, 5).round().astype(int)
        known = [known[place] for place in places]
    return ", ".join(f"{point.estimate.mean:.3f} at {point.x:.3g}" for point in known)
