"""Score new scans and write, for each, what a reader needs: maps, mask, numbers and a page."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pseudohealthy.errors import CohortError, ConfigError, InputError, ModelFolderError, OutputError, PartialFailure
from pseudohealthy.io.bids import derivative
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.dicom_seg import SourceFrames, source_frames, write_dicom_seg
from pseudohealthy.io.dicom_series import Series
from pseudohealthy.io.files import write_json
from pseudohealthy.io.volume import write_volume
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.report.case_page import write_case_page
from pseudohealthy.score.thresholds import Threshold, given_threshold
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.prediction import Prediction
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.tensors import read_case, read_lesion
from pseudohealthy.workflows.derivatives import describe_derivatives


def choose_threshold(model: Model, choice: str) -> Threshold:
    """The threshold that the user asks for: a stored policy by name, or a number in [0, 1).

    Raises:
        ConfigError: Neither a policy nor a number.
        ModelFolderError: The model has no stored threshold of that policy.
    """
    if choice in ("healthy", "lesion"):
        stored = model.calibration.get(model.row, {})
        if choice not in stored:
            raise ModelFolderError(
                "model folder",
                found=f"no '{choice}' threshold (stored: {', '.join(stored) or 'none'})",
                needed="a calibrated model",
                fix="Run 'pseudohealthy calibrate MODEL DATA', or give a number: --threshold 0.4",
            )
        return stored[choice]
    try:
        return given_threshold(float(choice))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise ConfigError(
            f"--threshold {choice}",
            found="neither a policy nor a number",
            needed="healthy, lesion or a number in [0, 1)",
            fix="For example: --threshold healthy",
        ) from error


def predict_cohort(
    model: Model,
    cohort: Cohort,
    run: RunFolder,
    threshold: Threshold,
    *,
    branches: bool = False,
    strip: str | None = None,
    dicom: Mapping[str, Series] = MappingProxyType({}),
    advance: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Predict every scan of a cohort; a scan that cannot be used does not stop the others.

    Args:
        model: What to predict with.
        cohort: The scans.
        run: Output folder.
        threshold: Where the score becomes a mask.
        branches: Also write both branches of the score.
        strip: The tool that finds the brain in whole heads; its mask is written, too.
        dicom: Case name -> the series to write a DICOM-SEG for.
        advance: Called after each scan.

    Returns:
        The pages written.

    Raises:
        InputError: There is no scan, or none could be used: the first one's error, nothing is written.
        PartialFailure: Some could not.
    """
    if not len(cohort):
        raise CohortError(
            "scans to predict",
            found="none",
            needed="at least one",
            fix="Check the path, and --split if given.",
        )
    inference = Inference(model)
    pages: list[Path] = []
    failures: dict[str, InputError] = {}
    for case in cohort:
        begun = time.perf_counter()
        try:
            prepared = read_case(case, GRIDS[model.recipe.grid], model.recipe.space, strip)
            lesion = read_lesion(case, prepared)
            frames = source_frames(dicom[case.name], prepared.native) if case.name in dicom else None
        except InputError as error:
            if len(cohort) == 1:
                raise
            failures[case.name] = error
            run.log(f"{case.name}: {error}")
            advance()
            continue
        read_s = time.perf_counter() - begun
        prediction = inference.predict(prepared, threshold, case)
        prediction.timings_s["read and prepare"] = read_s
        pages.append(write_prediction(prediction, run.path, branches=branches, brain=strip is not None))
        if frames is not None:
            write_segmentations(prediction, case, frames, run.path)
        write_case_page(pages[-1], prediction, lesion.lesion if lesion else None)
        volume_ml = float(np.count_nonzero(prediction.mask.data) * prediction.mask.voxel_ml)
        seconds = time.perf_counter() - begun
        run.log(f"{case.name}: {len(prediction.lesions)} lesions, {volume_ml:.1f} ml marked, {seconds:.1f} s")
        advance()
    describe_derivatives(run.path, "Pseudo-healthy reconstructions and anomaly maps")
    if failures and not pages:
        raise next(iter(failures.values()))
    if failures:
        raise PartialFailure({name: str(error) for name, error in failures.items()}, len(pages))
    return pages


def write_prediction(prediction: Prediction, out: Path, *, branches: bool = False, brain: bool = False) -> Path:
    """Write a prediction's images and report as BIDS derivatives, with its `branches` and its `brain` mask if wanted.

    Returns:
        Where its page belongs: `out/sub-01.html`.
    """
    case = prediction.case
    if case is None:
        raise OutputError(
            out, found="a prediction without a name", needed="a case", fix="Predict with a case, or save its Volumes."
        )
    images = {
        "space-orig_desc-pseudohealthy_T1w": prediction.reconstruction,
        "space-orig_label-L_probseg": prediction.score,
        "space-orig_label-L_mask": prediction.mask.like(prediction.mask.data.astype(np.uint8)),
    }
    if brain:
        images["space-orig_desc-brain_mask"] = prediction.brain_mask
    if branches:
        images["space-orig_desc-unsupervised_label-L_probseg"] = prediction.unsupervised
        if prediction.supervised is not None:
            images["space-orig_desc-supervised_label-L_probseg"] = prediction.supervised
    for suffix, volume in images.items():
        write_volume(volume, derivative(out, case, f"{suffix}.nii.gz"))
    write_json(derivative(out, case, "space-orig_label-L_report.json"), report_of(prediction))
    return out / f"{case.name}.html"


def write_segmentations(prediction: Prediction, case: Case, frames: SourceFrames, out: Path) -> None:
    """Write the mask and the score as DICOM-SEG beside the images."""
    threshold = prediction.threshold
    facts = {"method": prediction.model["row"], "threshold": f"{threshold.value:.6g} ({threshold.policy})"}
    mask, score = (derivative(out, case, f"space-orig_label-L_{kind}.dcm") for kind in ("mask", "probseg"))
    write_dicom_seg(frames, prediction.mask, prediction.score, (mask, score), facts)


def report_of(prediction: Prediction) -> Mapping[str, Any]:
    """The numbers of a prediction, ready for JSON."""
    threshold = prediction.threshold
    return {
        "case": prediction.case.name if prediction.case else None,
        "threshold": {"value": threshold.value, "policy": threshold.policy, "statement": threshold.statement},
        "volume_ml": float(np.count_nonzero(prediction.mask.data) * prediction.mask.voxel_ml),
        "brain_ml": float(np.count_nonzero(prediction.brain_mask.data) * prediction.mask.voxel_ml),
        "lesions": [dataclasses.asdict(lesion) for lesion in prediction.lesions],
        "coverage": prediction.coverage,
        "model": prediction.model,
        "timings_s": {phase: round(seconds, 3) for phase, seconds in prediction.timings_s.items()},
        "warnings": list(prediction.warnings),
    }
