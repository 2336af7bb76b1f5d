"""Thresholds from calibration scans, for every score that a model gives. They are stored in the model folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.config import CalibrationSettings
from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import PreparedScan
from pseudohealthy.score.thresholds import Threshold, healthy_threshold, lesion_threshold, lowest_threshold
from pseudohealthy.stages.infer import Inference, Map
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.seen import refuse_seen
from pseudohealthy.stages.tensors import read_case, read_lesion, to_zyx


def calibrate(
    model: Model,
    cohort: Cohort,
    settings: CalibrationSettings | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Model:
    """The model with thresholds for each of its rows, found on scans that it has not learned from.

    The `healthy` policy is found on the scans without lesion, the `lesion` policy on those with one. Volumes are
    counted in each scan's own grid, as `predict` does.

    Args:
        model: What is calibrated.
        cohort: Calibration scans.
        settings: Volume and risk; by default those of the model's recipe.
        advance: Called after each scan.

    Raises:
        CohortError: The cohort is empty.
        LeakError: The model has learned from one of the scans.
    """
    if not len(cohort):
        raise CohortError(
            "calibration scans",
            found="none",
            needed="at least one healthy or annotated scan",
            fix="Mark scans with 'calibration' in the split column of the cohort table.",
        )
    refuse_seen(cohort, model, "calibration scans")
    settings = settings or model.recipe.calibration
    inference = Inference(model)
    per_scan: dict[str, list[float]] = {}
    annotated: dict[str, list[tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]]] = {}
    for case in cohort:
        prepared = read_case(case, GRIDS[model.recipe.grid], model.recipe.space)
        lesion = read_lesion(case, prepared)
        rows = inference.rows(prepared, inference.branches(prepared))
        brain = prepared.native_mask.data
        for row, native in native_scores(prepared, rows).items():
            if lesion is not None and bool(lesion.data.any()):
                annotated.setdefault(row, []).append((native[brain], lesion.data[brain], brain[brain]))
            else:
                lowest = lowest_threshold(native, brain, prepared.native.voxel_ml, settings.max_healthy_ml)
                per_scan.setdefault(row, []).append(lowest)
        advance()
    calibration: dict[str, dict[str, Threshold]] = {}
    for row in {**per_scan, **annotated}:
        policies: dict[str, Threshold] = {}
        if row in per_scan:
            policies["healthy"] = healthy_threshold(per_scan[row], settings)
        if row in annotated:
            scores, lesions, masks = zip(*annotated[row], strict=True)
            policies["lesion"] = lesion_threshold(scores, lesions, masks)
        calibration[row] = policies
    return dataclasses.replace(model, calibration=calibration)


def native_scores(prepared: PreparedScan, rows: Mapping[str, Map]) -> dict[str, NDArray[np.float32]]:
    """Each row's map in the scan's own grid."""
    return {row: prepared.to_native(to_zyx(on_grid)).data for row, on_grid in rows.items()}
