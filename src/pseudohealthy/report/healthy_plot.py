"""What each row marks in each healthy scan: one line a row, one dot a scan, their mean with its interval."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pseudohealthy.evaluate.curves import Spread
from pseudohealthy.report.canvas import Picture, encode
from pseudohealthy.report.names import BASELINES
from pseudohealthy.report.theme import FONT, PLOT_DPI, THEMES, ThemeName, dress, legend

_LABEL_IN, _PANEL_IN, _GAP_IN, _ROW_IN = 1.35, 5.6, 0.2, 0.235
_LEGEND_IN, _TICKS_IN = 0.26, 0.46
_LINEAR_ML = 0.1  # the axis is linear up to here, so that 0 has a place, and logarithmic above


def healthy_plot(rows: Mapping[str, Spread], theme: ThemeName) -> Picture | None:
    """Draw false positive volumes of healthy scans.

    Args:
        rows: Row -> ml in each healthy scan, top to bottom.
        theme: Colours for a light or a dark page.

    Returns:
        The picture, or None without rows.
    """
    if not rows:
        return None
    style = THEMES[theme]
    rows_in = _ROW_IN * len(rows)
    width, height = _LABEL_IN + _PANEL_IN + _GAP_IN, _LEGEND_IN + rows_in + _TICKS_IN
    figure = Figure(figsize=(width, height), dpi=PLOT_DPI, facecolor=style.paper)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((_LABEL_IN / width, _TICKS_IN / height, _PANEL_IN / width, rows_in / height))
    dress(axes, style)
    most = max(max(*spread.values, spread.estimate.high or 0.0) for spread in rows.values())
    axes.set_xscale("symlog", linthresh=_LINEAR_ML)
    axes.set_xlim(-0.02, max(1.3 * most, 1.0))
    ticks = [0.0, *(10.0**power for power in range(-1, 4) if 10.0**power <= max(1.3 * most, 1.0))]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.grid(visible=True, axis="x", color=style.grid, linewidth=0.6)
    axes.set_xlabel("marked in a healthy scan, ml", fontsize=7, color=style.faint, fontfamily=FONT, labelpad=2)
    for index, (row, spread) in enumerate(rows.items()):
        if row in BASELINES:
            axes.axhspan(index - 0.5, index + 0.5, color=style.grid, alpha=0.45, linewidth=0, zorder=0)
        dots, mean = style.series[:2]
        places = [index - 0.13] * len(spread.values)
        axes.plot(spread.values, places, "o", color=dots, markersize=3, alpha=0.55, markeredgewidth=0, clip_on=False)
        if spread.estimate.interval is not None:
            axes.plot(spread.estimate.interval, [index + 0.2] * 2, color=mean, linewidth=1.2, solid_capstyle="round")
        centre = np.array([spread.estimate.mean], dtype=np.float64)
        axes.plot(centre, [index + 0.2], "D", color=mean, markersize=3, clip_on=False)
    legend(figure, style, ("one scan", "mean"), _LABEL_IN, "line: 95 % interval over persons")
    told = ", ".join(f"{row} {spread.estimate.mean:.2f}" for row, spread in rows.items())
    return encode(figure, "image/png", f"Volume marked in each healthy scan, by row. Mean ml: {told}.")
