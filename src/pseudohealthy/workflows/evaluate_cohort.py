"""Score a test cohort with one or several models that share a reconstructor: the per-case table and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import CohortError, ModelFolderError
from pseudohealthy.evaluate.case_metrics import case_metrics, slice_axis
from pseudohealthy.evaluate.counts import CaseCounts, count
from pseudohealthy.evaluate.table import CaseResult
from pseudohealthy.io.cohort import SHAM, Case, Cohort
from pseudohealthy.io.lesions import LesionMask
from pseudohealthy.io.volume import Volume
from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.case_page import write_case_page
from pseudohealthy.report.gallery import GalleryCase, choose
from pseudohealthy.report.panels import render_panels
from pseudohealthy.score.fusion import anomaly_score
from pseudohealthy.score.thresholds import Threshold
from pseudohealthy.stages.calibrate import native_scores
from pseudohealthy.stages.infer import Inference, score_with
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.prediction import Prediction
from pseudohealthy.stages.refuse import (
    refuse_calibrated,
    refuse_other_reconstructors,
    refuse_seen,
    refuse_unmasked,
)
from pseudohealthy.stages.tensors import lesion_zyx, read_case, read_lesion, to_zyx
from pseudohealthy.virtual.twin import healthy_twin

UNNAMED_SET = "lesion"
"""The test set of scans with a lesion whose pathology is not told; those without one are `healthy`."""
TWIN = "twin"
"""Column of the cohort table: the case of the same head on the same grid without paint."""
POLICY = "healthy"


@dataclass
class Evaluation:
    """What an evaluation has found so far.

    Attributes:
        cases: One line for each scan, row and grid.
        betas: One line for each scan and weight of the fusion, of the main model on the native grid.
        gallery: The best and the worst case of each test set under the main model, and failures; no other pictures are
            kept.
        counts: Voxels above each of a table of thresholds, for each scan and row, on the native grid.
        pages: Case -> its page, where pages were asked for.
    """

    cases: list[CaseResult] = field(default_factory=list)
    betas: list[CaseResult] = field(default_factory=list)
    gallery: list[GalleryCase] = field(default_factory=list)
    counts: list[CaseCounts] = field(default_factory=list)
    pages: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class CasePages:
    """Where the pages of single scans go.

    Attributes:
        folder: The folder.
        every: One for each scan; else for those of the gallery alone.
    """

    folder: Path
    every: bool = False


def evaluate_cohort(
    models: Sequence[Model],
    cohort: Cohort,
    policy: str = POLICY,
    advance: Callable[[], None] = lambda: None,
    betas: Sequence[float] = (),
    *,
    baselines: bool = True,
    pictures: bool = True,
    pages: CasePages | None = None,
) -> Evaluation:
    """Every row of every model on every scan.

    The first model is the main one: baselines, the unsupervised row and the pictures are its own.

    Args:
        models: Models with one and the same reconstructor; each needs stored thresholds.
        cohort: Test scans; the pathology column names their test set.
        policy: Which stored threshold the metrics at a threshold use.
        advance: Called after each scan.
        betas: Weights of the fusion that the main model is tried with besides its own (paper, appendix D); they have
            no threshold.
        baselines: Also the rows of the detectors, which are the same for all methods that saw the same scans.
        pictures: Draw scans for the gallery; without it there is none.
        pages: Write pages of single scans, too; only with pictures.

    Raises:
        CohortError: The cohort is empty.
        LeakError: A model has learned from one of the scans, or its thresholds were found on one.
        ModelFolderError: The models have different reconstructors, or no threshold of the policy.
    """
    if not len(cohort):
        raise CohortError(
            "test scans",
            found="none",
            needed="at least one",
            fix="Mark scans with 'test' in the split column of the cohort table.",
        )
    refuse_unmasked(cohort, "test scans")
    for model in models:
        refuse_seen(cohort, model, "test scans")
        refuse_calibrated(cohort, model)
        _threshold(model, model.row, policy)
    refuse_other_reconstructors(models)
    inferences = [Inference(model) for model in models]
    evaluation = Evaluation()
    for case in cohort:
        _evaluate_case(
            case, cohort, inferences, policy, betas, evaluation, pages, baselines=baselines, pictures=pictures
        )
        advance()
    return evaluation


def _evaluate_case(
    case: Case,
    cohort: Cohort,
    inferences: Sequence[Inference],
    policy: str,
    betas: Sequence[float],
    evaluation: Evaluation,
    pages: CasePages | None,
    *,
    baselines: bool,
    pictures: bool,
) -> None:
    main = inferences[0]
    recipe = main.model.recipe
    prepared = read_case(case, GRIDS[recipe.grid], recipe.space)
    lesion = read_lesion(case, prepared)
    test_set = case.pathology or ("healthy" if lesion is None or not lesion.lesion.data.any() else UNNAMED_SET)
    scored = score_with(inferences, prepared)
    rows = {
        row: (score, _threshold(inference.model, row, policy))
        for inference, (_, made) in zip(inferences, scored, strict=True)
        for row, score in made.items()
        if baselines or row not in DETECTORS
    }
    truth = None if lesion is None else lesion.lesion.data
    ignored = None if lesion is None else lesion.ignored.data
    brain = prepared.native_mask.data
    counted = brain if ignored is None else brain & ~ignored
    truth_on_grid, ignored_on_grid = lesion_zyx(lesion, prepared)
    native = native_scores(prepared, {row: score for row, (score, _) in rows.items()})
    twin = _twin_scores(case, cohort, prepared.native, inferences) if test_set == SHAM else None
    metrics: dict[str, dict[str, float | None]] = {}
    for row, (score, threshold) in rows.items():
        metrics[row] = case_metrics(
            native[row],
            threshold.value,
            truth,
            brain,
            prepared.native.affine,
            None if twin is None else twin[row],
            ignored=ignored,
            slices_along=slice_axis(prepared.native.affine),
        )
        on_grid = case_metrics(
            score,
            threshold.value,
            None if lesion is None else truth_on_grid,
            to_zyx(prepared.mask.data),
            prepared.world_from_grid[:, [2, 1, 0, 3]],  # arrays are (z, y, x)
            ignored=ignored_on_grid,
            slices_along=0,
        )
        names = (row, test_set, case.name, case.subject)
        voxel_ml = prepared.native.voxel_ml
        evaluation.counts.append(count(names, threshold.value, voxel_ml, native[row], truth, counted))
        for grid, values in (("native", metrics[row]), ("model", on_grid)):
            evaluation.cases.append(CaseResult(row, test_set, case.name, case.subject, grid, values))
    if lesion is not None:
        branches = scored[0][0]
        fused = {f"beta={b:.1f}": anomaly_score(branches.unsupervised, branches.supervised, b) for b in betas}
        for name, score in native_scores(prepared, fused).items():
            values = case_metrics(score, None, truth, counted, prepared.native.affine)
            evaluation.betas.append(CaseResult(name, test_set, case.name, case.subject, "native", values))
    if not pictures:
        return
    row = main.model.row
    shown = GalleryCase(case.name, test_set, "", row, rows[row][1], metrics[row])

    def predicted() -> Prediction:
        return main.predict(prepared, rows[row][1], case, scored[0][0])

    _show(shown, predicted, lesion, pages, evaluation)


def _show(
    case: GalleryCase,
    predicted: Callable[[], Prediction],
    lesion: LesionMask | None,
    pages: CasePages | None,
    evaluation: Evaluation,
) -> None:
    """Draw a scan and write its page where they are wanted; what the gallery drops for it loses its page."""
    before, gallery = evaluation.gallery, choose([*evaluation.gallery, case])
    every, new = pages is not None and pages.every, any(one.picture is None for one in gallery)
    if every or new:
        prediction = predicted()
        if pages is not None:
            evaluation.pages[case.title] = pages.folder / f"{case.title}.html"
            write_case_page(evaluation.pages[case.title], prediction, lesion)
        drawn = _drawn(prediction, lesion, painted=case.test_set == SHAM) if new else None
        page = evaluation.pages.get(case.title)
        gallery = [one if one.picture is not None else replace(one, picture=drawn, page=page) for one in gallery]
    evaluation.gallery = gallery
    for dropped in {one.title for one in before} - {one.title for one in gallery}:
        if not every and dropped in evaluation.pages:
            evaluation.pages.pop(dropped).unlink()


def _drawn(prediction: Prediction, lesion: LesionMask | None, *, painted: bool) -> Picture:
    return render_panels(prediction, None if lesion is None else lesion.lesion, painted=painted)


def _twin_scores(
    case: Case, cohort: Cohort, scan: Volume, inferences: Sequence[Inference]
) -> dict[str, NDArray[np.float32]] | None:
    """Native scores of the same head without paint, made anew or found in the cohort.

    None where there is none on the scan's own grid: a simulated scan that was resampled has lost its twin.
    """
    recipe = inferences[0].model.recipe
    made = healthy_twin(case, scan.spacing_mm[0])
    painted_on = [other for other in cohort if other.name == case.columns.get(TWIN)]
    if made is not None:
        prepared = prepare_scan(made.image, GRIDS[recipe.grid], made.brain_mask, recipe.space)
    elif painted_on:
        prepared = read_case(painted_on[0], GRIDS[recipe.grid], recipe.space)
    else:
        return None
    if prepared.native.shape != scan.shape or not np.allclose(prepared.native.affine, scan.affine, atol=1e-3):
        return None
    rows = {row: score for _, scored in score_with(inferences, prepared) for row, score in scored.items()}
    return native_scores(prepared, rows)


def _threshold(model: Model, row: str, policy: str) -> Threshold:
    stored = model.calibration.get(row, {})
    if policy not in stored:
        raise ModelFolderError(
            f"model {model.row}",
            found=f"no threshold of the policy '{policy}' for {row} (stored: {', '.join(stored) or 'none'})",
            needed="stored thresholds",
            fix="Run 'pseudohealthy calibrate MODEL DATA' with scans that the model has not learned from.",
        )
    return stored[policy]
