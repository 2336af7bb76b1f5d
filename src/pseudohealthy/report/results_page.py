"""The page of an evaluation: what was found, tables with intervals, verdicts, pictures, and how to read them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pseudohealthy.report import names
from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.case_table import CaseTable
from pseudohealthy.report.cells import Cell, Results, column, lesion_sets, number, size_of, test_sets
from pseudohealthy.report.claims_table import claim_rows
from pseudohealthy.report.dot_plot import dot_plot
from pseudohealthy.report.findings import SECTIONS, Claim, done, found
from pseudohealthy.report.findings import claims as claims_by_set
from pseudohealthy.report.gallery import GalleryCase, choose, place_label
from pseudohealthy.report.leaderboard import Board
from pseudohealthy.report.likeness import Likeness
from pseudohealthy.report.page import write_page
from pseudohealthy.report.page_figure import PageFigure
from pseudohealthy.report.slices import CONVENTION

if TYPE_CHECKING:
    from pseudohealthy.evaluate.claims import ClaimResult
    from pseudohealthy.evaluate.verdicts import Verdict
    from pseudohealthy.score.thresholds import Threshold

_ORACLE = ("dice_oracle", "auprc")
_AT_THRESHOLD = ("dice", "lesion_sensitivity", "image_auroc", "fp_ml", "fp_clear_slices_ml", "false_lesions")


@dataclass(frozen=True)
class _Row:
    name: str
    meaning: str
    baseline: bool
    cells: list[Cell]


@dataclass(frozen=True)
class _Block:
    """A metric's rows in the table at the stored threshold."""

    metric: names.Metric
    rows: list[_Row]


@dataclass(frozen=True)
class _Show:
    """A gallery case as it stands on the page."""

    title: str
    place: str
    place_label: str
    caption: str
    facts: str
    picture: Picture
    page: str


def write_results_page(
    path: Path,
    *,
    title: str,
    results: Results,
    verdicts: Sequence[Verdict],
    gallery: Sequence[GalleryCase],
    facts: Mapping[str, str],
    notes: Sequence[str],
    known: Sequence[str] = (),
    unseen: Sequence[str] = (),
    caveat: str = "",
    claims: Sequence[ClaimResult] = (),
    figures: Sequence[PageFigure] = (),
    likeness: Mapping[str, Likeness] | None = None,
    board: Board | None = None,
    table: CaseTable | None = None,
) -> None:
    """Write the results of an evaluation as one self-contained page (at most about 8 MB).

    Args:
        path: The HTML file.
        title: What was done, as a title.
        results: {row: {test_set: {"n": scans, metric: mean or None, metric_ci: [low, high] or None}}}.
        verdicts: Claims on each set by itself, judged by their intervals.
        gallery: Cases to choose pictures from (`gallery.choose`), all of them drawn.
        facts: Short facts: minutes, seeds, machine, parameters, versions.
        notes: Paragraphs on what these results can and cannot show.
        known: Test sets whose pathology was annotated for training.
        unseen: Test sets whose pathology was never annotated.
        caveat: A sentence beside each table, such as: simulated brains of one template are not independent subjects.
        claims: Claims that were fixed beforehand, tested as one family; the table of them stands first.
        figures: Curves.
        likeness: Test set -> how like the annotated lesions its own are.
        board: The leaderboard, of plans that compare methods.
        table: The scans one by one.

    Raises:
        OutputError: The file cannot be written.
    """
    ordered = [row for row in results if row not in names.BASELINES]
    ordered += [row for row in results if row in names.BASELINES]
    shown = choose(gallery)
    threshold = shown[0].threshold if shown else None
    main_row = shown[0].row if shown else None
    columns = lesion_sets(results)
    groups = claims_by_set(verdicts)
    likeness = likeness or {}
    kinds = {**dict.fromkeys(known, "annotated"), **dict.fromkeys(unseen, "never annotated")}
    write_page(
        path,
        "results.html.j2",
        title=title,
        done=done(results),
        tested=claim_rows(claims),
        found=found(results, verdicts, main_row, tested=bool(claims), failures=_failures(table)),
        columns=columns,
        left_out=[name for name in test_sets(results) if name not in columns],
        sizes={name: size_of(results, name) for name in test_sets(results)},
        kinds=kinds | {name: like.word for name, like in likeness.items()},
        likeness=likeness,
        metrics=names.METRICS,
        rows=_rows(results, ordered, [(name, metric) for name in columns for metric in _ORACLE]),
        sets=test_sets(results),
        blocks=[
            _Block(names.METRICS[metric], _rows(results, ordered, [(name, metric) for name in test_sets(results)]))
            for metric in _AT_THRESHOLD
        ],
        policy=_policy(threshold),
        threshold=threshold,
        values=_values([case.threshold.value for case in shown]),
        statements=list(dict.fromkeys(case.threshold.statement for case in shown)),
        plots={theme: dot_plot(results, ordered, theme) for theme in ("light", "dark")},
        figures=figures,
        claims=_by_section(groups),
        verdicts=verdicts,
        galleries=_galleries(shown, path.parent),
        table=table,
        main_row=main_row,
        convention=CONVENTION,
        board=board,
        facts=facts,
        notes=notes,
        caveat=caveat,
    )


def _rows(results: Results, rows: Sequence[str], wanted: Sequence[tuple[str, str]]) -> list[_Row]:
    columns = [column(results, test_set, metric) for test_set, metric in wanted]
    return [
        _Row(row, names.ROWS.get(row, ""), row in names.BASELINES, [cells[row] for cells in columns]) for row in rows
    ]


def _galleries(cases: Sequence[GalleryCase], folder: Path) -> dict[str, list[_Show]]:
    """Drawn cases by test set, with the way from a folder to their pages."""
    galleries: dict[str, list[_Show]] = {}
    for case in cases:
        if case.picture is None:
            raise ValueError(f"{case.title} has not been drawn")
        page = "" if case.page is None else quote(Path(os.path.relpath(case.page, folder)).as_posix())
        show = _Show(case.title, case.place, place_label(case), case.caption, _facts(case), case.picture, page)
        galleries.setdefault(case.test_set, []).append(show)
    return galleries


def _facts(case: GalleryCase) -> str:
    parts = []
    for metric in ("dice_oracle", "auprc", "dice", "fp_ml"):
        about, value = names.METRICS[metric], case.metrics.get(metric)
        if value is not None and not (about.lesions_only and case.test_set in names.CONTROLS):
            parts.append(f"{about.label} {number(value, about.decimals)} {about.unit}".rstrip())
    return ", ".join(parts)


def _failures(table: CaseTable | None) -> str:
    """How often the method that is shown fails, set by set, the worst set first."""
    if table is None:
        return ""
    shares = {}
    for name in table.sets:
        scans = [case.failed for case in table.cases if case.test_set == name]
        if scans:
            shares[name] = (sum(scans), len(scans))
    order = sorted(shares, key=lambda name: (name in names.CONTROLS, -shares[name][0] / shares[name][1]))
    told = ", ".join(f"{name} {shares[name][0]} of {shares[name][1]}" for name in order)
    return f"How often {table.row} fails at its stored threshold: {told}. {table.rule}" if told else ""


def _values(found: Sequence[float]) -> str:
    """The threshold, or from where to where those of several trainings go, as far as the pictures show them."""
    distinct = sorted(set(found))
    if len(distinct) < 2:
        return "".join(number(value, 3) for value in distinct)
    return f"{number(distinct[0], 3)} to {number(distinct[-1], 3)}, by the training (as far as pictures show)"


def _policy(threshold: Threshold | None) -> str:
    if threshold is None:
        return "stored threshold"
    return "given threshold" if threshold.policy == "given" else f"stored threshold of the policy {threshold.policy}"


def _by_section(claims: Sequence[Claim]) -> dict[str, tuple[list[str], list[Claim]]]:
    """Section -> the test sets that it speaks of, and its claims; sections without claims are left out."""
    sections = {name: [claim for claim in claims if claim.section == name] for name in SECTIONS}
    return {
        name: (list(dict.fromkeys(each for claim in group for each in claim.findings)), group)
        for name, group in sections.items()
        if group
    }
