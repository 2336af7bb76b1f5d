"""How plots look on a light and on a dark page: colours that can be told apart, marks that can be without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

FONT = "DejaVu Sans"  # shipped with matplotlib
PLOT_DPI = 170
MARKERS = ("o", "D", "^", "s", "v", "P")
_GLYPHS = dict(zip(MARKERS, "●◆▲■▼✚", strict=True))
ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """Colours of a plot.

    Attributes:
        paper: The page's ground.
        ink: Text.
        faint: Secondary text.
        grid: Lines and shades behind the data.
        series: Data, in this order; chosen by search for distance among them and from `ink` under the common
            colour-vision deficiencies, each with a contrast of 3 to the paper.
    """

    paper: str
    ink: str
    faint: str
    grid: str
    series: tuple[str, ...]


THEMES: Mapping[ThemeName, Theme] = {
    "light": Theme(
        "#ffffff",
        "#1d2329",
        "#5c6670",
        "#dfe3e6",
        ("#0b62a4", "#b3560b", "#9d62fe", "#5a2f0c", "#b68683", "#510efe"),
    ),
    "dark": Theme(
        "#1b1f23",
        "#e6e8ea",
        "#a3abb3",
        "#343a40",
        ("#6cb6f2", "#f0a35e", "#a61bf6", "#f3d713", "#7d9998", "#9c623b"),
    ),
}


def dress(axes: Axes, theme: Theme, title: str = "") -> None:
    """The page's ground, font and a light grid; no frame."""
    axes.set_facecolor(theme.paper)
    if title:
        axes.set_title(title, fontsize=7.5, color=theme.ink, fontfamily=FONT, pad=4)
    axes.tick_params(which="both", length=0, labelsize=7, labelcolor=theme.ink, labelfontfamily=FONT)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)


def legend_width_in(labels: Sequence[str], left_in: float, rest: str) -> float:
    """The width that `legend` needs."""
    return left_in + sum(_entry_in(label) for label in labels) + 0.062 * len(rest)


def _entry_in(label: str) -> float:
    return 0.3 + 0.068 * (len(label) + 2)


def legend(figure: Figure, theme: Theme, labels: Sequence[str], left_in: float, rest: str) -> None:
    """One line at the top: mark and name of each series in its colour, then what the lines mean."""
    width, height = figure.get_size_inches()
    left, top = left_in, 1 - 0.11 / height
    for label, marker, colour in zip(labels, MARKERS, theme.series, strict=False):
        text = f"{_GLYPHS[marker]} {label}"
        figure.text(left / width, top, text, fontsize=7.5, color=colour, fontfamily=FONT, va="center")
        left += _entry_in(label)
    figure.text(left / width, top, rest, fontsize=7, color=theme.faint, fontfamily=FONT, va="center")
