"""Score new scans and write, for each, what a reader needs: maps, mask, numbers and a page."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from pseudohealthy.errors import CohortError, ConfigError, InputError, ModelFolderError, PartialFailure
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.dicom_seg import SourceFrames, source_frames
from pseudohealthy.io.dicom_series import Series
from pseudohealthy.io.lesions import LesionMask
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import PreparedScan
from pseudohealthy.score.thresholds import Threshold, given_threshold
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model, fingerprint
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.tensors import read_case, read_lesion
from pseudohealthy.workflows.derivatives import describe_derivatives
from pseudohealthy.workflows.prediction_files import Wanted, finished, made_from, write_prediction
from pseudohealthy.workflows.prediction_table import write_prediction_table


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


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan as read, ready to be predicted.

    Attributes:
        prepared: On the model grid.
        lesion: Its true lesions, where they are known.
        frames: The DICOM images that a DICOM-SEG refers to.
        seconds: How long reading took.
    """

    prepared: PreparedScan
    lesion: LesionMask | None
    frames: SourceFrames | None
    seconds: float


def read_scan(case: Case, model: Model, strip: str | None = None, series: Series | None = None) -> Scan:
    """Read a case and bring it to the model grid.

    Raises:
        InputError: It cannot be used.
    """
    begun = time.perf_counter()
    prepared = read_case(case, GRIDS[model.recipe.grid], model.recipe.space, strip)
    lesion = read_lesion(case, prepared)
    frames = None if series is None else source_frames(series, prepared.native)
    return Scan(prepared, lesion, frames, time.perf_counter() - begun)


def predict_cohort(
    model: Model,
    cohort: Cohort,
    run: RunFolder,
    wanted: Wanted,
    *,
    shared: Path | None = None,
    resume: bool = False,
    dicom: Mapping[str, Series] = MappingProxyType({}),
    advance: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Predict every scan of a cohort; a scan that cannot be used does not stop the others.

    Args:
        model: What to predict with.
        cohort: The scans.
        run: Where it is told.
        wanted: Threshold, and what is written beside the usual.
        shared: Output folder of several processes, each with a run of its own. None: the folder of `run`, which also
            gets the table of all scans.
        resume: Leave scans untouched that are finished: made from the same files with the same model and wishes.
        dicom: Case name -> the series to write a DICOM-SEG for.
        advance: Called after each scan.

    Returns:
        The page of each scan.

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
    out = run.path if shared is None else shared
    inference, key = Inference(model, wanted.precision), fingerprint(model)
    pages: list[Path] = []
    failures: dict[str, InputError] = {}
    with _tidied() as tidy:
        for case in cohort:
            begun = time.perf_counter()
            made = made_from(case, key, wanted)
            if resume and finished(out, case, made, wanted.threshold):
                pages.append(out / f"{case.name}.html")
                run.log(f"{case.name}: done before")
                advance()
                continue
            try:
                scan = read_scan(case, model, wanted.strip, dicom.get(case.name))
            except InputError as error:
                if len(cohort) == 1:
                    raise
                failures[case.name] = error
                run.log(f"{case.name}: {error}")
                advance()
                continue
            prediction = inference.predict(scan.prepared, wanted.threshold, case)
            prediction.timings_s["read and prepare"] = scan.seconds
            pages.append(write_prediction(prediction, out, wanted, lesion=scan.lesion, frames=scan.frames, made=made))
            volume_ml = float(np.count_nonzero(prediction.mask.data) * prediction.mask.voxel_ml)
            seconds = time.perf_counter() - begun
            run.log(f"{case.name}: {len(prediction.lesions)} lesions, {volume_ml:.1f} ml marked, {seconds:.1f} s")
            advance()
            del scan, prediction
            tidy()
    if shared is None and pages:
        write_prediction_table([case for case in cohort if case.name not in failures], out)
    describe_derivatives(out, "Pseudo-healthy reconstructions and anomaly maps")
    if failures and not pages:
        raise next(iter(failures.values()))
    if failures:
        raise PartialFailure({name: str(error) for name, error in failures.items()}, len(pages))
    return pages


@contextmanager
def _tidied() -> Iterator[Callable[[], object]]:
    """Yields what to call after a scan, so that memory does not grow with their number.

    A page's figures and arrays refer to each other in cycles, about 25 MB a scan, which Python finds late. What was
    there before the first scan is not looked at, so that a collection takes milliseconds.
    """
    gc.collect()
    gc.freeze()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()
