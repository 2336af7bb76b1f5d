"""Which curves a page of results has: those whose data is there, with what they show in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pseudohealthy.evaluate import curves
from pseudohealthy.evaluate.claims import ClaimResult
from pseudohealthy.evaluate.table import CaseResult
from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.healthy_plot import healthy_plot
from pseudohealthy.report.line_plot import line_plot
from pseudohealthy.report.names import BASELINES, metric_label
from pseudohealthy.report.theme import MARKERS, ThemeName
from pseudohealthy.report.volume_plot import volume_plot

_MOST = len(MARKERS)  # series that can be told apart in one picture


@dataclass(frozen=True)
class PageFigure:
    """A figure on both kinds of page, with its title and caption."""

    title: str
    caption: str
    light: Picture
    dark: Picture


def curve_figures(
    cases: Sequence[CaseResult], curve_cases: Sequence[CaseResult], claims: Sequence[ClaimResult], sets: Sequence[str]
) -> list[PageFigure]:
    """All figures that the tables have the data for.

    Args:
        cases: The per-case table.
        curve_cases: Cases of the rows `beta=...` and `METHOD@N`.
        claims: Tested claims: with them lesion volume and healthy scans are drawn, the former for the rows they name.
        sets: Test sets with lesions.
    """
    named = dict.fromkeys(row for each in claims for row in (each.claim.first, each.claim.second))
    present = dict.fromkeys(case.row for case in cases)
    found = [
        beta_figure(curve_cases, sets),
        annotated_figure(curve_cases, sets),
        volume_figure(cases, [row for row in named if row in present], sets),
        healthy_figure(cases, list(present)) if claims else None,
    ]
    return [figure for figure in found if figure is not None]


def beta_figure(cases: Sequence[CaseResult], sets: Sequence[str], metric: str = "auprc") -> PageFigure | None:
    """A metric against the fusion weight; None without rows `beta=...`."""
    panels = {name: {"fused score": curves.against_beta(cases, name, metric)} for name in sets}
    return _figure(
        "The fusion weight",
        "Beta 1 is the reconstruction alone, beta 0 the segmentation network alone; everywhere else on this page it is "
        "what the model has stored. Mean over persons.",
        lambda theme: line_plot(panels, theme, across="beta", upward=metric_label(metric)),
    )


def annotated_figure(cases: Sequence[CaseResult], sets: Sequence[str], metric: str = "auprc") -> PageFigure | None:
    """A metric against the number of annotated scans; None without rows `METHOD@N`."""
    methods = curves.annotated_methods(cases)[:_MOST]
    panels = {name: {row: curves.against_annotated(cases, row, name, metric) for row in methods} for name in sets}
    return _figure(
        "The number of annotated scans",
        "The same networks, trained with so many annotated scans. Mean over persons; the axis is not to scale.",
        lambda theme: line_plot(panels, theme, across="annotated scans", upward=metric_label(metric), evenly=True),
    )


def volume_figure(cases: Sequence[CaseResult], rows: Sequence[str], sets: Sequence[str]) -> PageFigure | None:
    """⌈Dice⌉ against lesion volume; None where no row has a value."""
    sets = sets[:_MOST]
    panels = {
        row: (
            {name: curves.against_volume(cases, row, (name,)) for name in sets},
            curves.against_volume(cases, row, sets),
        )
        for row in rows
    }
    return _figure(
        "Lesion volume",
        "Each mark is a scan. A bar reaches from the smallest to the largest lesion of its third, at the median over "
        "persons.",
        lambda theme: volume_plot(panels, theme, upward=metric_label("dice_oracle")),
    )


def healthy_figure(cases: Sequence[CaseResult], rows: Sequence[str]) -> PageFigure | None:
    """What is marked in each healthy scan; None where nothing was measured there."""
    ordered = [*(row for row in rows if row not in BASELINES), *(row for row in rows if row in BASELINES)]
    spreads = {row: spread for row in ordered if (spread := curves.on_healthy(cases, row)) is not None}
    return _figure(
        "Healthy scans, one by one",
        "Everything that is marked here, at the stored threshold of each row, is false. The axis is linear up to "
        "0.1 ml and logarithmic above. Shaded: baselines.",
        lambda theme: healthy_plot(spreads, theme),
    )


def _figure(title: str, caption: str, draw: Callable[[ThemeName], Picture | None]) -> PageFigure | None:
    light, dark = draw("light"), draw("dark")
    return None if light is None or dark is None else PageFigure(title, caption, light, dark)
