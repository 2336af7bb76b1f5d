"""Which curves a page of results has: those whose data is there, with what they show in words."""

from __future__ import annotations

from collections.abc import Sequence

from pseudohealthy.evaluate import curves
from pseudohealthy.evaluate.claims import ClaimResult
from pseudohealthy.evaluate.counts import CaseCounts
from pseudohealthy.evaluate.table import CaseResult
from pseudohealthy.report.healthy_plot import healthy_plot
from pseudohealthy.report.line_plot import line_plot
from pseudohealthy.report.names import BASELINES, metric_label
from pseudohealthy.report.page_figure import MOST_SERIES, PageFigure, page_figure
from pseudohealthy.report.threshold_figures import threshold_figures
from pseudohealthy.report.volume_plot import volume_plot

_FEW = 5  # rows of a figure that no claim names


def curve_figures(
    cases: Sequence[CaseResult],
    curve_cases: Sequence[CaseResult],
    claims: Sequence[ClaimResult],
    known: Sequence[str],
    unseen: Sequence[str],
    counts: Sequence[CaseCounts] = (),
) -> list[PageFigure]:
    """All figures that the tables have the data for.

    Args:
        cases: The per-case table.
        curve_cases: Cases of the rows `beta=...` and `METHOD@N`.
        claims: Tested claims: the rows that they name are drawn; without claims the first networks of the table.
        known: Test sets of the annotated pathology.
        unseen: Test sets of pathologies that were never annotated.
        counts: Voxel counts of the same cases.
    """
    sets = (*known, *unseen)
    present = list(dict.fromkeys(case.row for case in cases))
    named = dict.fromkeys(row for each in claims for row in (each.claim.first, each.claim.second))
    rows = [row for row in named if row in present]
    rows = rows or [row for row in present if row not in BASELINES][:_FEW]
    found = [
        beta_figure(curve_cases, sets),
        annotated_figure(curve_cases, sets),
        *threshold_figures(counts, rows[:MOST_SERIES], known, unseen),
        volume_figure(cases, rows, sets),
        healthy_figure(cases, present),
    ]
    return [figure for figure in found if figure is not None]


def beta_figure(cases: Sequence[CaseResult], sets: Sequence[str], metric: str = "auprc") -> PageFigure | None:
    """A metric against the fusion weight; None without rows `beta=...`."""
    panels = {name: {"fused score": curves.against_beta(cases, name, metric)} for name in sets}
    return page_figure(
        "The fusion weight",
        "Beta 1 is the reconstruction alone, beta 0 the segmentation network alone; everywhere else on this page it is "
        "what the model has stored. Mean over persons.",
        lambda theme: line_plot(panels, theme, across="beta", upward=metric_label(metric)),
    )


def annotated_figure(cases: Sequence[CaseResult], sets: Sequence[str], metric: str = "auprc") -> PageFigure | None:
    """A metric against the number of annotated scans; None without rows `METHOD@N`."""
    methods = curves.annotated_methods(cases)[:MOST_SERIES]
    panels = {name: {row: curves.against_annotated(cases, row, name, metric) for row in methods} for name in sets}
    return page_figure(
        "The number of annotated scans",
        "The same networks, trained with so many annotated scans. Mean over persons; the axis is not to scale.",
        lambda theme: line_plot(panels, theme, across="annotated scans", upward=metric_label(metric), evenly=True),
    )


def volume_figure(cases: Sequence[CaseResult], rows: Sequence[str], sets: Sequence[str]) -> PageFigure | None:
    """⌈Dice⌉ against lesion volume; None where no row has a value."""
    sets, others = sets[:MOST_SERIES], sets[MOST_SERIES:]
    left_out = f" Not drawn, for want of marks: {', '.join(others)}." if others else ""
    panels = {
        row: (
            {name: curves.against_volume(cases, row, (name,)) for name in sets},
            curves.against_volume(cases, row, sets),
        )
        for row in rows
    }
    return page_figure(
        "Lesion volume",
        "Each mark is a scan. A bar reaches from the smallest to the largest lesion of its third, at the median over "
        f"persons.{left_out}",
        lambda theme: volume_plot(panels, theme, upward=metric_label("dice_oracle")),
    )


def healthy_figure(cases: Sequence[CaseResult], rows: Sequence[str]) -> PageFigure | None:
    """What is marked in each healthy scan; None where nothing was measured there."""
    ordered = [*(row for row in rows if row not in BASELINES), *(row for row in rows if row in BASELINES)]
    spreads = {row: spread for row in ordered if (spread := curves.on_healthy(cases, row)) is not None}
    return page_figure(
        "Healthy scans, one by one",
        "Everything that is marked here, at the stored threshold of each row, is false. The axis is linear up to "
        "0.1 ml and logarithmic above. Shaded: baselines.",
        lambda theme: healthy_plot(spreads, theme),
    )
