"""What every evaluation leaves: `cases.tsv`, `results.json`, `report.html`, findings in words, and tested claims."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from pseudohealthy.evaluate.claims import ClaimResult
from pseudohealthy.evaluate.table import CaseResult, summarise, write_cases
from pseudohealthy.evaluate.verdicts import findings
from pseudohealthy.io.files import write_json
from pseudohealthy.report.figures import curve_figures
from pseudohealthy.report.likeness import Likeness
from pseudohealthy.report.results_page import write_results_page
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation


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
    """
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
    write_results_page(
        run.path / "report.html",
        title=title,
        results=results,
        verdicts=verdicts,
        gallery=evaluation.gallery,
        facts=facts,
        notes=notes,
        known=known,
        unseen=unseen,
        caveat=caveat,
        claims=claims,
        figures=curve_figures(evaluation.cases, curve_cases, claims, (*known, *unseen)),
        likeness=likeness,
    )
    for result in claims:
        run.log(result.sentence)
    for verdict in verdicts:
        run.log(verdict.sentence)
