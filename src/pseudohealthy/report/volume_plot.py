"""A metric of each scan against the volume of its lesion: one panel a row, one mark a scan, medians of thirds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pseudohealthy.evaluate.curves import ByVolume, Tertile
from pseudohealthy.report.canvas import Picture, encode
from pseudohealthy.report.theme import FONT, MARKERS, PLOT_DPI, THEMES, Theme, ThemeName, dress, legend, legend_width_in

_PANELS_A_LINE = 3
_LABEL_IN, _PANEL_IN, _GAP_IN, _HIGH_IN = 0.5, 2.3, 0.22, 1.6
_LEGEND_IN, _TITLE_IN, _TICKS_IN = 0.22, 0.26, 0.46
_BARS = "bar: median of a third, 95 % interval over persons"


def volume_plot(
    panels: Mapping[str, tuple[Mapping[str, ByVolume], ByVolume]], theme: ThemeName, *, upward: str
) -> Picture | None:
    """Draw scans and thirds.

    Args:
        panels: Row -> (test set -> its scans, all of them together, whose thirds are drawn); at most six test sets.
        theme: Colours for a light or a dark page.
        upward: What y is: a metric from 0 to 1.

    Returns:
        The picture, or None where there is no scan.
    """
    drawn = {row: panel for row, panel in panels.items() if panel[1].scans}
    if not drawn:
        return None
    style = THEMES[theme]
    sets = list(dict.fromkeys(name for by_set, _ in drawn.values() for name, found in by_set.items() if found.scans))
    volumes = [scan.volume_ml for _, together in drawn.values() for scan in together.scans]
    columns = min(len(drawn), _PANELS_A_LINE)
    line_in = _TITLE_IN + _HIGH_IN + _TICKS_IN
    width = max(_LABEL_IN + columns * (_PANEL_IN + _GAP_IN), legend_width_in(sets, _LABEL_IN, _BARS))
    height = _LEGEND_IN + -(-len(drawn) // columns) * line_in
    figure = Figure(figsize=(width, height), dpi=PLOT_DPI, facecolor=style.paper)
    FigureCanvasAgg(figure)
    for index, (row, (by_set, together)) in enumerate(drawn.items()):
        line, column = divmod(index, columns)
        left = _LABEL_IN + column * (_PANEL_IN + _GAP_IN)
        bottom = height - _LEGEND_IN - line * line_in - _TITLE_IN - _HIGH_IN
        axes = figure.add_axes((left / width, bottom / height, _PANEL_IN / width, _HIGH_IN / height))
        dress(axes, style, f"{row} ({len(together.scans)} scans)")
        axes.grid(visible=True, color=style.grid, linewidth=0.6)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xscale("log")
        axes.set_xlim(min(volumes) / 1.3, max(volumes) * 1.3)
        ticks = [10.0**power for power in range(-3, 4) if min(volumes) / 1.3 <= 10.0**power <= max(volumes) * 1.3]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("lesion volume, ml", fontsize=7, color=style.faint, fontfamily=FONT, labelpad=2)
        if column == 0:
            axes.set_ylabel(upward, fontsize=7, color=style.faint, fontfamily=FONT, labelpad=2)
        else:
            axes.tick_params(labelleft=False)
        for name, found in by_set.items():
            series = sets.index(name) if found.scans else 0
            axes.plot(
                [scan.volume_ml for scan in found.scans],
                [scan.value for scan in found.scans],
                MARKERS[series],
                color=style.series[series],
                markersize=2.8,
                alpha=0.75,
                markeredgewidth=0,
            )
        for third in together.tertiles:
            _median(axes, third, style)
    legend(figure, style, sets, _LABEL_IN, _BARS)
    return encode(figure, "image/png", _alt({row: together for row, (_, together) in drawn.items()}, upward))


def _median(axes: Axes, third: Tertile, style: Theme) -> None:
    median = third.median
    middle = np.full(2, median.mean, dtype=np.float64)
    axes.plot([third.low_ml, third.high_ml], middle, color=style.ink, linewidth=2, solid_capstyle="butt")
    if median.interval is not None:
        axes.plot([math.sqrt(third.low_ml * third.high_ml)] * 2, median.interval, color=style.ink, linewidth=1)


def _alt(panels: Mapping[str, ByVolume], upward: str) -> str:
    told = [
        f"{row}: "
        + ", ".join(
            f"{third.median.mean:.3f} from {third.low_ml:.1f} to {third.high_ml:.1f} ml" for third in found.tertiles
        )
        for row, found in panels.items()
        if found.tertiles
    ]
    medians = f" Medians of thirds: {'; '.join(told)}." if told else ""
    return f"{upward} of each scan against the volume of its lesion.{medians}"
