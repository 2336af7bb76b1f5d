"""Figures over all thresholds, from voxel counts: precision and recall, Dice, and how far the score can be believed."""

from __future__ import annotations

from collections.abc import Sequence

from pseudohealthy.evaluate.counts import CaseCounts
from pseudohealthy.evaluate.operating import dice_against_threshold, precision_recall, stored_thresholds
from pseudohealthy.evaluate.reliability import reliability
from pseudohealthy.report.line_plot import line_plot
from pseudohealthy.report.page_figure import PageFigure, page_figure

_MOST_MARKED = 3  # stored thresholds of one row that are drawn; more say nothing


def threshold_figures(
    counts: Sequence[CaseCounts], rows: Sequence[str], known: Sequence[str], unseen: Sequence[str]
) -> list[PageFigure | None]:
    """Precision against recall, Dice against the threshold, reliability.

    Args:
        counts: Voxel counts; without them there is no figure.
        rows: Methods, at most six.
        known: Test sets of the annotated pathology.
        unseen: Test sets of pathologies that were never annotated.
    """
    sets = (*known, *unseen)
    return [_precision(counts, rows, sets), _dice(counts, rows, sets), _reliability(counts, rows, known, unseen)]


def _precision(counts: Sequence[CaseCounts], rows: Sequence[str], sets: Sequence[str]) -> PageFigure | None:
    panels = {name: {row: precision_recall(counts, row, name) for row in rows} for name in sets}
    return page_figure(
        "Precision and recall",
        "Precision of each scan at the highest threshold that reaches a recall, mean over persons. Where even the "
        "lowest threshold does not reach it, the whole brain is marked.",
        lambda theme: line_plot(panels, theme, across="recall", upward="precision"),
    )


def _dice(counts: Sequence[CaseCounts], rows: Sequence[str], sets: Sequence[str]) -> PageFigure | None:
    panels = {name: {row: dice_against_threshold(counts, row, name) for row in rows} for name in sets}
    stored = {row: stored_thresholds(counts, row) for row in rows}
    marked = {row: values for row, values in stored.items() if len(values) <= _MOST_MARKED}
    return page_figure(
        "The threshold",
        "Dice at one threshold for all scans, mean over persons. "
        + (
            "Broken lines: the stored thresholds, found without these scans. How far a curve falls from its summit to "
            "there is what having found it on others costs."
            if any(marked.values())
            else "Each fold has a stored threshold of its own; they are not drawn."
        ),
        lambda theme: line_plot(panels, theme, across="threshold", upward="Dice", upright=marked),
    )


def _reliability(
    counts: Sequence[CaseCounts], rows: Sequence[str], known: Sequence[str], unseen: Sequence[str]
) -> PageFigure | None:
    found = {
        name: {row: reliability(counts, row, known or (name,), name) for row in rows} for name in (*known, *unseen)
    }
    panels = {
        name: {row: one.points for row, one in by_row.items() if one is not None} for name, by_row in found.items()
    }
    errors = "; ".join(
        f"{name}: " + ", ".join(f"{row} {one.error:.3f}" for row, one in by_row.items() if one is not None)
        for name, by_row in found.items()
        if any(by_row.values())
    )
    source = f"the other persons of {' and '.join(known)}" if known else "the other persons of the set"
    return page_figure(
        "How far the score can be believed",
        "The score is no probability. Here a rising map from score to share of lesion (isotonic regression) is fitted "
        f"on {source}, and each person's voxels are grouped by the mapped score: on the diagonal it says what is "
        "there, below it promises too much. Mean distance from the diagonal over all voxels, most of them healthy: "
        f"{errors}. A small one does not say that lesions are found: a constant score has the smallest.",
        lambda theme: line_plot(panels, theme, across="mapped score", upward="share of lesion", diagonal=True),
    )
