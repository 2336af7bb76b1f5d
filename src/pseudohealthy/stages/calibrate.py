"""Thresholds from calibration scans, for every score that a model gives. They are stored in the model folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.config import CalibrationSettings
from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import SHAM, Case, Cohort
from pseudohealthy.io.files import sha256
from pseudohealthy.io.lesions import LesionMask
from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import PreparedScan
from pseudohealthy.score.thresholds import Threshold, healthy_threshold, lesion_threshold, lowest_threshold
from pseudohealthy.stages.infer import Inference, Map, score_with
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.refuse import refuse_other_reconstructors, refuse_seen, refuse_unmasked
from pseudohealthy.stages.tensors import read_case, read_lesion, to_zyx


def calibrate(
    models: Sequence[Model],
    cohort: Cohort,
    settings: CalibrationSettings | None = None,
    advance: Callable[[], None] = lambda: None,
    *,
    baselines: bool = True,
    asked: Callable[[str, str, float], None] = lambda *_: None,
) -> list[Model]:
    """The models with thresholds for each of their rows, found on scans that they have not learned from.

    The `healthy` policy is found on the scans without lesion, the `lesion` policy on those with one. Volumes are
    counted in each scan's own grid, as `predict` does. Of a person's several healthy scans the one that asks for most
    counts: they are alike, and what is promised is promised for another person.

    Args:
        models: What is calibrated; they share one reconstructor, which runs once a scan.
        cohort: Calibration scans.
        settings: Volume and risk; by default those of the first model's recipe.
        advance: Called after each scan.
        baselines: Also for the rows of the detectors, which are the same for all methods that saw the same scans.
        asked: Told of each row and healthy scan, by name, the lowest threshold that keeps the scan quiet. Names are not
            stored: a model travels.

    Raises:
        CohortError: The cohort is empty, or a scan is neither healthy nor has a lesion inside its brain mask.
        LeakError: A model has learned from one of the scans.
        ModelFolderError: The models have different reconstructors.
    """
    if not len(cohort):
        raise CohortError(
            "calibration scans",
            found="none",
            needed="at least one healthy or annotated scan",
            fix="Mark scans with 'calibration' in the split column of the cohort table, or choose others with --split.",
        )
    refuse_unmasked(cohort, "calibration scans")
    for model in models:
        refuse_seen(cohort, model, "calibration scans")
    refuse_other_reconstructors(models)
    recipe = models[0].recipe
    settings = settings or recipe.calibration
    inferences = [Inference(model) for model in models]
    healthy: dict[str, dict[str, float]] = {}
    annotated: dict[str, list[Annotated]] = {}
    for case in cohort:
        prepared = read_case(case, GRIDS[recipe.grid], recipe.space)
        lesion = read_lesion(case, prepared)
        brain = prepared.native_mask.data if lesion is None else prepared.native_mask.data & ~lesion.ignored.data
        truth = None if lesion is None else lesion.lesion.data[brain]
        ill = truth is not None and bool(truth.any())
        if case.pathology == SHAM or (not ill and not _is_healthy(case, lesion)):
            raise _neither(case)
        for _, rows in score_with(inferences, prepared):
            wanted = {row: score for row, score in rows.items() if baselines or row not in DETECTORS}
            for row, native in native_scores(prepared, wanted).items():
                if truth is not None and ill:
                    annotated.setdefault(row, []).append((native[brain], truth))
                else:
                    lowest = lowest_threshold(native, brain, prepared.native.voxel_ml, settings.max_healthy_ml)
                    of_row = healthy.setdefault(row, {})
                    of_row[case.subject] = max(lowest, of_row.get(case.subject, lowest))
                    asked(row, case.name, lowest)
        advance()
    thresholds = {
        row: _policies([*healthy.get(row, {}).values()], annotated.get(row), settings)
        for row in {**healthy, **annotated}
    }
    used = tuple(sorted({sha256(case.image) for case in cohort}))
    return [
        dataclasses.replace(
            model, calibration={row: thresholds[row] for row in _rows_of(model, thresholds)}, calibrated_on=used
        )
        for model in models
    ]


Annotated = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Scores and truth of the voxels of one brain."""


def _is_healthy(case: Case, lesion: LesionMask | None) -> bool:
    drawn = lesion is not None and bool(lesion.lesion.data.any() or lesion.ignored.data.any())
    return case.pathology in ("", "healthy") and not drawn


def _neither(case: Case) -> CohortError:
    found = f"{case.name} (pathology '{case.pathology}') without a lesion that counts inside its brain mask"
    return CohortError(
        "calibration scans",
        found=f"{case.name}, with paint that is no lesion" if case.pathology == SHAM else found,
        needed="healthy scans, and annotated ones with a lesion",
        fix="Mend the lesion or the brain mask, or leave the scan out.",
    )


def _policies(
    healthy: Sequence[float], annotated: Sequence[Annotated] | None, settings: CalibrationSettings
) -> dict[str, Threshold]:
    policies: dict[str, Threshold] = {}
    if healthy:
        policies["healthy"] = healthy_threshold(healthy, settings)
    if annotated:
        scores, lesions = zip(*annotated, strict=True)
        policies["lesion"] = lesion_threshold(scores, lesions, [np.ones_like(lesion) for lesion in lesions])
    return policies


def _rows_of(model: Model, rows: Iterable[str]) -> list[str]:
    """The rows that a model gives: its own, its branches, and the baselines."""
    own = {model.row, model.reconstructor_row, *DETECTORS}
    if model.segmenter is not None:
        own.add(model.segmenter_row)
    return [row for row in rows if row in own]


def native_scores(prepared: PreparedScan, rows: Mapping[str, Map]) -> dict[str, NDArray[np.float32]]:
    """Each row's map in the scan's own grid."""
    return {row: prepared.to_native(to_zyx(on_grid)).data for row, on_grid in rows.items()}
