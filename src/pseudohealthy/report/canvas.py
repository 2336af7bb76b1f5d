"""Draws panels on a black ground, the way a viewing station does: titles, colour bars, letters for left and right.

Everything is placed in pixels of the finished picture; voxels get their true proportions from mm. Slices and colour
bars are painted into one image, for matplotlib's image of each would take most of the time of a page; it writes and
outlines over that. Its object interface is used, without pyplot: pages can be made in any thread, and no global state
is changed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from pseudohealthy.report.colours import MASK_COLOUR, Scale
from pseudohealthy.report.slices import axial

PANEL_PX = 236  # a page shows it at about two thirds of this
GAP_PX, TOP_PX, STRIP_PX = 16, 96, 26
DPI = 160
_PAPER, _INK, _FAINT = "#000000", "#ececec", "#a6a6a6"
_FONT = "DejaVu Sans"  # shipped with matplotlib
_WEBP = {"quality": 88, "method": 2}  # 4 takes twice the time for 3 % fewer bytes


@dataclass(frozen=True)
class Picture:
    """An encoded picture.

    Attributes:
        content: The file's bytes.
        mime: `image/webp` or `image/png`.
        width_px: Width.
        height_px: Height.
        alt: What it shows, in words.
    """

    content: bytes
    mime: str
    width_px: int
    height_px: int
    alt: str = ""


@dataclass(frozen=True, eq=False)
class Outline:
    """The edge of a mask (x, y, z) in a colour; its width in points."""

    mask: NDArray[np.bool_]
    colour: str
    width_pt: float


@dataclass(frozen=True, eq=False)
class Panel:
    """One column of the picture.

    Attributes:
        title: Its name; x̃ and ŷ are typeset.
        subtitle: What it is, in a few words.
        data: Voxels (x, y, z) in canonical order.
        scale: Values to colours.
        masked: Leave the outside of the brain mask black.
        bar: Draw the colour bar.
        marks: Values to mark at the colour bar, with their text.
        outlines: Drawn over it, the last one on top.
    """

    title: str
    subtitle: str
    data: NDArray[Any]
    scale: Scale
    masked: bool = True
    bar: bool = True
    marks: tuple[tuple[float, str], ...] = ()
    outlines: tuple[Outline, ...] = ()


class _Ground(Artist):
    """Pixels (height, width, 3) under everything else, copied: an image of matplotlib is sampled again."""

    zorder = -1.0

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        super().__init__()
        self._pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])

    def draw(self, renderer: RendererBase) -> None:
        renderer.draw_image(renderer.new_gc(), 0, 0, self._pixels[::-1])


def draw(
    panels: Sequence[Panel],
    brain: NDArray[np.bool_],
    positions: Sequence[int],
    labels: Sequence[str],
    spacing_mm: tuple[float, float, float],
) -> Figure:
    """Draw one row of panels for each axial slice.

    Args:
        panels: The columns, all with voxels (x, y, z) of one shape.
        brain: Brain mask of that shape.
        positions: Slices, indices along z.
        labels: What is written beside each slice.
        spacing_mm: Voxel size.
    """
    rows, columns = brain.shape[1], brain.shape[0]
    row_px = round(PANEL_PX * rows * spacing_mm[1] / (columns * spacing_mm[0]))
    width = len(panels) * (PANEL_PX + GAP_PX) + GAP_PX
    height = TOP_PX + len(positions) * (STRIP_PX + row_px) + GAP_PX
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    ground = np.zeros((height, width, 3), np.uint8)
    for column, panel in enumerate(panels):
        left = GAP_PX + column * (PANEL_PX + GAP_PX)
        _head(axes, ground, panel, left)
        for row, k in enumerate(positions):
            top = TOP_PX + row * (STRIP_PX + row_px) + STRIP_PX
            _slice(axes, ground[top : top + row_px, left : left + PANEL_PX], panel, brain, k, left, top)
            middle = top - STRIP_PX / 2
            if column in (0, len(panels) - 1):
                _text(axes, left, middle, "R", 8, _INK)
                _text(axes, left + PANEL_PX, middle, "L", 8, _INK, ha="right")
            if column == 0:
                _text(axes, left + PANEL_PX / 2, middle, labels[row], 7.5, _INK, ha="center")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    figure.add_artist(_Ground(ground))
    return figure


def encode(figure: Figure, mime: str, alt: str) -> Picture:
    """Encode a figure as `image/webp` (small) or `image/png` (lossless)."""
    content = io.BytesIO()
    options: dict[str, Any] = {"pil_kwargs": _WEBP} if mime == "image/webp" else {}
    figure.savefig(
        content, format=mime.removeprefix("image/"), dpi=figure.dpi, facecolor=figure.get_facecolor(), **options
    )
    width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
    return Picture(content.getvalue(), mime, width, height, alt)


def _head(axes: Axes, ground: NDArray[np.uint8], panel: Panel, left: int) -> None:
    title = panel.title.replace("x̃", r"$\tilde{x}$").replace("ŷ", r"$\hat{y}$")
    _text(axes, left, 24, title, 9.5, _INK, va="baseline")
    if panel.outlines:
        _legend(axes, panel, left)
        return
    _text(axes, left, 46, panel.subtitle, 7, _FAINT, va="baseline")
    top, bottom = 58, 66
    ramp = np.linspace(panel.scale.low, panel.scale.high, PANEL_PX)
    ground[top:bottom, left : left + PANEL_PX] = panel.scale.paint(ramp)
    for value, text in panel.scale.ticks:
        share = (value - panel.scale.low) / (panel.scale.high - panel.scale.low)
        ha = "left" if share == 0 else "right" if share == 1 else "center"
        _text(axes, left + share * PANEL_PX, bottom + 20, text, 6.5, _FAINT, va="baseline", ha=ha)
    for value, text in panel.marks:
        x = left + PANEL_PX * min(max((value - panel.scale.low) / (panel.scale.high - panel.scale.low), 0.0), 1.0)
        axes.plot([x, x], [top - 4, bottom + 5], color=MASK_COLOUR, linewidth=1.2, solid_capstyle="butt")
        share = min(max((x - left) / PANEL_PX, 0.3), 0.7)
        _text(axes, left + share * PANEL_PX, bottom + 20, text, 6.5, MASK_COLOUR, va="baseline", ha="center")


def _legend(axes: Axes, panel: Panel, left: float) -> None:
    texts = panel.subtitle.split("\n")
    for line, (text, outline) in enumerate(zip(texts, panel.outlines, strict=True)):
        y = 46 + 22 * line
        axes.plot([left, left + 18], [y - 5, y - 5], color=outline.colour, linewidth=max(outline.width_pt, 1.6))
        _text(axes, left + 26, y, text, 7, _INK, va="baseline")


def _slice(
    axes: Axes, box: NDArray[np.uint8], panel: Panel, brain: NDArray[np.bool_], k: int, left: int, top: int
) -> None:
    """Paint a slice into its box of the ground, a view of it at (left, top), and outline masks over it."""
    colours = panel.scale.paint(axial(panel.data, k))
    if panel.masked:
        colours = np.where(axial(brain, k)[..., None], colours, np.uint8(0))
    height, width = box.shape[:2]
    resized = Image.fromarray(np.ascontiguousarray(colours)).resize((width, height), Image.Resampling.BILINEAR)
    box[:] = np.asarray(resized)
    rows, columns = colours.shape[:2]
    # One more pixel on each side, so that outlines close where a mask meets the edge.
    x = left + (np.arange(-1, columns + 1) + 0.5) * width / columns
    y = top + (np.arange(-1, rows + 1) + 0.5) * height / rows
    for outline in panel.outlines:
        shape = axial(outline.mask, k)
        if shape.any():
            edge = np.pad(shape.astype(np.float32), 1)
            axes.contour(x, y, edge, levels=[0.5], colors=[outline.colour], linewidths=outline.width_pt)


def _text(
    axes: Axes, x: float, y: float, text: str, size: float, colour: str, *, ha: str = "left", va: str = "center"
) -> None:
    math = "$" in text
    axes.text(x, y, text, fontsize=size, color=colour, ha=ha, va=va, fontfamily=_FONT, parse_math=math, usetex=False)
