"""Means with their intervals as dots and lines: one panel a test set, one line a row."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pseudohealthy.report.canvas import Picture, encode
from pseudohealthy.report.cells import Results, lesion_sets, size_of
from pseudohealthy.report.names import BASELINES, metric_label
from pseudohealthy.report.theme import FONT, PLOT_DPI, THEMES, Theme, ThemeName, dress

_PANELS_A_LINE = 4
_LABEL_IN, _PANEL_IN, _GAP_IN, _ROW_IN = 0.95, 1.62, 0.16, 0.235
_LETTER_IN = 0.062  # of a row's name
_LEGEND_IN, _TITLE_IN, _TICKS_IN = 0.22, 0.26, 0.3
_MARKS = (("dice_oracle", "o", -0.15), ("auprc", "D", 0.17))


def dot_plot(results: Results, rows: Sequence[str], theme: ThemeName) -> Picture | None:
    """Draw ⌈Dice⌉ and AUPRC of every row on every test set with something to find.

    Args:
        results: {row: {test_set: {metric: mean, metric_ci: [low, high]}}}.
        rows: Rows, top to bottom.
        theme: Colours for a light or a dark page.

    Returns:
        The picture, or None where there is no such set.
    """
    sets = lesion_sets(results)
    if not sets:
        return None
    style = THEMES[theme]
    across = min(len(sets), _PANELS_A_LINE)
    down = -(-len(sets) // across)
    label_in = max(_LABEL_IN, 0.1 + _LETTER_IN * max(map(len, rows), default=0))
    width = label_in + across * (_PANEL_IN + _GAP_IN)
    rows_in = _ROW_IN * len(rows)
    line_in = _TITLE_IN + rows_in + _TICKS_IN
    height = _LEGEND_IN + down * line_in
    figure = Figure(figsize=(width, height), dpi=PLOT_DPI, facecolor=style.paper)
    FigureCanvasAgg(figure)
    for index, name in enumerate(sets):
        line, place = divmod(index, across)
        left = label_in + place * (_PANEL_IN + _GAP_IN)
        bottom = height - _LEGEND_IN - line * line_in - _TITLE_IN - rows_in
        axes = figure.add_axes((left / width, bottom / height, _PANEL_IN / width, rows_in / height))
        _panel(axes, results, rows, name, style, labelled=place == 0)
    _legend(figure, style, label_in / width, 1 - 0.5 * _LEGEND_IN / height)
    alt = (
        f"Dot plot of {' and '.join(metric_label(metric) for metric, _, _ in _MARKS)} with 95 % intervals for "
        f"{len(rows)} rows on {', '.join(sets)}. All its numbers are in the table above."
    )
    return encode(figure, "image/png", alt)


def _panel(axes: Axes, results: Results, rows: Sequence[str], name: str, style: Theme, *, labelled: bool) -> None:
    dress(axes, style, f"{name} (n = {size_of(results, name)})")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axes.set_yticks(range(len(rows)), rows if labelled else [""] * len(rows))
    axes.grid(visible=True, axis="x", color=style.grid, linewidth=0.6)
    baselines = [index for index, row in enumerate(rows) if row in BASELINES]
    if baselines and len(baselines) < len(rows):
        axes.axhspan(min(baselines) - 0.5, max(baselines) + 0.5, color=style.grid, alpha=0.45, linewidth=0, zorder=0)
    for index, row in enumerate(rows):
        entry = results[row].get(name, {})
        for (metric, marker, shift), colour in zip(_MARKS, style.series, strict=False):
            mean, interval = entry.get(metric), entry.get(f"{metric}_ci")
            if mean is None:
                continue
            if interval is not None:
                axes.plot(interval, [index + shift] * 2, color=colour, linewidth=1.2, solid_capstyle="round")
            axes.plot(
                [mean], [index + shift], marker, color=colour, markersize=3.6 if marker == "o" else 3, clip_on=False
            )


def _legend(figure: Figure, style: Theme, left: float, top: float) -> None:
    for (metric, marker, _), colour in zip(_MARKS, style.series, strict=False):
        mark = {"o": "\N{BLACK CIRCLE}", "D": "\N{BLACK DIAMOND}"}[marker]
        figure.text(
            left, top, f"{mark} {metric_label(metric)}", fontsize=7.5, color=colour, fontfamily=FONT, va="center"
        )
        left += 0.85 / figure.get_size_inches()[0]
    figure.text(left, top, "line: 95 % interval", fontsize=7, color=style.faint, fontfamily=FONT, va="center")
