"""What every evaluation leaves: `cases.tsv`, `results.json`, `report.html`, findings in words, and tested claims."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from pseudohealthy.evaluate.claims import ClaimResult
from pseudohealthy.evaluate.counts import write_counts
from pseudohealthy.evaluate.table import CaseResult, summarise, write_cases
from pseudohealthy.evaluate.trained import Trained, pooled, write_trained
from pseudohealthy.evaluate.verdicts import findings
from pseudohealthy.io.files import write_json
from pseudohealthy.report.gallery_files import write_gallery
from pseudohealthy.report.likeness import Likeness
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.evaluation_page import PageWords, relative, write_evaluation_page, write_words

OPTIONAL = ("claims.json", "curves.tsv", "counts.tsv", "gallery.json", "methods.json")


def write_results(
    run: RunFolder,
    evaluation: Evaluation,
    *,
    title: str,
    known: Sequence[str],
    unseen: Sequence[str],
    facts: Mapping[str, str],
    notes: Sequence[str],
    caveat: str = "",
    claims: Sequence[ClaimResult] = (),
    curve_cases: Sequence[CaseResult] = (),
    likeness: Mapping[str, Likeness] | None = None,
    trained: Sequence[Trained] = (),
) -> None:
    """Write the tables and the page of an evaluation.

    Args:
        run: Output folder.
        evaluation: Cases and pictures.
        title: Title of the page.
        known: Test sets of the annotated pathology.
        unseen: Test sets of pathologies that were never annotated.
        facts: Short facts about the run.
        notes: What the page can and cannot show.
        caveat: A sentence beside every table; may be empty.
        claims: Claims that were fixed beforehand, tested; with them the page has their table and the curves.
        curve_cases: Cases of the rows `beta=...` and `METHOD@N`, for the curves alone: the tables do not have them.
        likeness: Test set -> how like the annotated lesions its own are.
        trained: What each training was: with it the page has a leaderboard, and `methods.json` is written.
    """
    for name in OPTIONAL:  # of an earlier run, which the page must not take for this one's
        (run.path / name).unlink(missing_ok=True)
    verdicts = findings(evaluation.cases, known, unseen)
    write_cases(evaluation.cases, run.path / "cases.tsv")
    results = summarise(evaluation.cases)
    write_json(run.path / "results.json", results)
    write_json(run.path / "results_model_grid.json", summarise(evaluation.cases, grid="model"))
    write_json(run.path / "verdicts.json", [dataclasses.asdict(verdict) for verdict in verdicts])
    if claims:
        told = [dataclasses.asdict(result) | {"sentence": result.sentence} for result in claims]
        write_json(run.path / "claims.json", told)
    if curve_cases:
        write_cases(curve_cases, run.path / "curves.tsv")
    if evaluation.counts:
        write_counts(evaluation.counts, run.path / "counts.tsv")
    if evaluation.gallery:
        write_gallery(run.path, evaluation.gallery)
    if trained:
        write_trained(pooled(trained), run.path)
    pages = evaluation.pages | {one.title: one.page for one in evaluation.gallery if one.page is not None}
    words = PageWords(title, known, unseen, facts, notes, caveat, likeness or {}, relative(pages, run.path))
    write_words(run.path, words)
    write_evaluation_page(run.path)
    for result in claims:
        run.log(result.sentence)
    for verdict in verdicts:
        run.log(verdict.sentence)
