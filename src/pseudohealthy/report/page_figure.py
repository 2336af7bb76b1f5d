"""A figure as a page carries it: drawn for light and for dark pages, with its title and caption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.theme import MARKERS, ThemeName

MOST_SERIES = len(MARKERS)  # that can be told apart in one picture


@dataclass(frozen=True)
class PageFigure:
    """A figure on both kinds of page, with its title and caption."""

    title: str
    caption: str
    light: Picture
    dark: Picture


def page_figure(title: str, caption: str, draw: Callable[[ThemeName], Picture | None]) -> PageFigure | None:
    """Draw it for both; None where there is nothing to draw."""
    light, dark = draw("light"), draw("dark")
    return None if light is None or dark is None else PageFigure(title, caption, light, dark)
