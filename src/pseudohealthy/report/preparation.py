"""Whether a preparation is right, at a glance: the brain mask over the scan, the template's outline over the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pseudohealthy.report.canvas import DPI, Picture, encode
from pseudohealthy.report.colours import MASK_COLOUR, TRUTH_COLOUR, grey_window
from pseudohealthy.report.page import write_page

if TYPE_CHECKING:
    from pseudohealthy.io.volume import Volume

PAGE = "prepare.html"
_PANEL_PX, _GAP_PX = 280, 8
_SIZE_PX = (6 * _PANEL_PX + 7 * _GAP_PX, _PANEL_PX + 2 * _GAP_PX)
_ALT = "Left: axial, coronal and sagittal slice of the scan with its brain mask; right: the same of the prepared scan."
_PAPER = "#000000"
_MARGIN_MM = 12.0
# Which axes of a canonical volume a view shows, (across, up), and which it cuts.
_VIEWS = ((0, 1, 2), (0, 2, 1), (1, 2, 0))


@dataclass(frozen=True)
class PreparedCase:
    """What the page says of one scan.

    Attributes:
        name: Its name.
        facts: Short facts: brain volume, tool, overlap with the template.
        warnings: What to look at.
        picture: Its picture; None where the scan failed.
        failure: Why it failed, or "".
    """

    name: str
    facts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    picture: Picture | None = None
    failure: str = ""


def render_preparation(scan: Volume, mask: Volume, prepared: Volume, outline: Volume) -> Picture:
    """Draw a scan with its brain mask, and the prepared scan with the outline that it should fill, in three planes.

    Args:
        scan: As read.
        mask: Its brain mask.
        prepared: The result.
        outline: Brain of the template, or of the scan itself, on the grid of the result.
    """
    width, height = _SIZE_PX
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    pairs = ((scan, mask, MASK_COLOUR), (prepared, outline, TRUTH_COLOUR))
    for group, (image, brain, colour) in enumerate(pairs):
        upright, edge = image.canonical(), brain.canonical().data.astype(bool)
        scale = grey_window(upright.data, edge)
        for column, (across, up, cut) in enumerate(_VIEWS):
            left = _GAP_PX + (3 * group + column) * (_PANEL_PX + _GAP_PX)
            axes = figure.add_axes((left / width, _GAP_PX / height, _PANEL_PX / width, _PANEL_PX / height))
            position = _middle(edge, cut)
            picture = [np.take(data, position, axis=cut) for data in (scale.paint(upright.data), edge)]
            _view(axes, picture[0], picture[1], (upright.spacing_mm[across], upright.spacing_mm[up]), across, colour)
    return encode(figure, "image/webp", _ALT)


def picture_from(content: bytes) -> Picture:
    """A picture of `render_preparation` that was written to a file."""
    return Picture(content, "image/webp", *_SIZE_PX, _ALT)


def write_preparation_page(path: Path, cases: Sequence[PreparedCase], space: str) -> None:
    """Write one page over a cohort: failed scans first, then those with warnings.

    Raises:
        OutputError: The file cannot be written.
    """
    ordered = sorted(cases, key=lambda case: (not case.failure, not case.warnings, case.name))
    write_page(
        path,
        "prepare.html.j2",
        cases=ordered,
        failed=sum(bool(case.failure) for case in cases),
        warned=sum(bool(case.warnings) for case in cases),
        space=space,
    )


def _middle(brain: NDArray[np.bool_], axis: int) -> int:
    inside = np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))
    return int(inside[inside.size // 2]) if inside.size else brain.shape[axis] // 2


def _view(
    axes: Axes,
    colours: NDArray[np.uint8],
    edge: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
    across: int,
    colour: str,
) -> None:
    """One slice (across, up); the patient's right is on the left, and the front on the left of a sagittal one."""
    axes.set_axis_off()
    width, height = (n * mm for n, mm in zip(edge.shape, spacing_mm, strict=True))
    picture: NDArray[Any] = colours.transpose(1, 0, 2)
    axes.imshow(picture, extent=(0, width, 0, height), origin="lower", interpolation="bilinear")
    x = (np.arange(-1, edge.shape[0] + 1) + 0.5) * spacing_mm[0]
    y = (np.arange(-1, edge.shape[1] + 1) + 0.5) * spacing_mm[1]
    if edge.any():
        axes.contour(x, y, np.pad(edge.T.astype(np.float32), 1), levels=[0.5], colors=[colour], linewidths=0.8)
        inside = np.argwhere(edge)
        low, high = inside.min(0) * spacing_mm, (inside.max(0) + 1) * spacing_mm
        half = max(high - low) / 2 + _MARGIN_MM
        middle = (low + high) / 2
        axes.set_ylim(middle[1] - half, middle[1] + half)
        axes.set_xlim(middle[0] + half, middle[0] - half)
    else:
        axes.set_xlim(width, 0)
    if across == 0:
        for place, letter in ((0.02, "R"), (0.98, "L")):
            axes.text(place, 0.97, letter, color="#ececec", fontsize=7, transform=axes.transAxes, va="top", ha="center")
