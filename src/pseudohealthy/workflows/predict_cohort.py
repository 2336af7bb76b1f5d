"""Score new scans and write, for each, what a reader needs: maps, mask, numbers and a page."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from pseudohealthy.errors import CohortError, ConfigError, InputError, ModelFolderError, PartialFailure
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.dicom_series import Series
from pseudohealthy.score.thresholds import Threshold, given_threshold
from pseudohealthy.stages.model_folder import Model, fingerprint
from pseudohealthy.stages.processor import best_device, cores_to_spare
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.ahead import ahead, in_turn
from pseudohealthy.workflows.derivatives import describe_derivatives
from pseudohealthy.workflows.prediction_files import Wanted
from pseudohealthy.workflows.prediction_steps import Steps
from pseudohealthy.workflows.prediction_table import listed_before, write_prediction_table


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
    wanted: Wanted,
    *,
    shared: Path | None = None,
    resume: bool = False,
    dicom: Mapping[str, Series] = MappingProxyType({}),
    advance: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Predict every scan of a cohort; a scan that cannot be used does not stop the others.

    While the networks work on a scan, the next one is read and the files of the last one are written, where they leave
    a core for that: threads that fight for cores are slower than one after the other. Not so where heads are stripped:
    that is work of networks, too, or of a program that an interruption has to end. Nor with DICOM-SEG: what keeps
    pydicom from speaking of names and dates is a setting of the whole process, not of a thread.

    Args:
        model: What to predict with.
        cohort: The scans.
        run: Where it is told.
        wanted: Threshold, and what is written beside the usual.
        shared: Output folder of several processes, each with a run of its own. None: the folder of `run`, which also
            gets the table of all scans.
        resume: Leave scans untouched that are finished: made from the same files with the same model and wishes. Scans
            that were predicted before with the same model and threshold, and are not asked for now, stay in the table.
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
    steps = Steps(model, out, wanted, resume, dicom)
    beside = ahead if cores_to_spare(best_device()) and wanted.strip is None and not dicom else in_turn
    pages: list[Path] = []
    failures: dict[str, InputError] = {}
    with (
        _frozen(),
        beside(steps.read, cohort) as scans,
        beside(steps.write, map(steps.compute, scans)) as done,
    ):
        for told in done:
            if told.error is None:
                pages.append(out / f"{told.case.name}.html")
            elif len(cohort) == 1:
                raise told.error
            else:
                failures[told.case.name] = told.error
            run.log(f"{told.case.name}: {told.line}")
            advance()
    if shared is None and pages:
        earlier = listed_before(out, cohort, fingerprint(model), wanted.threshold) if resume else []
        write_prediction_table([*earlier, *(case for case in cohort if case.name not in failures)], out)
    describe_derivatives(out, "Pseudo-healthy reconstructions and anomaly maps")
    if failures and not pages:
        raise next(iter(failures.values()))
    if failures:
        raise PartialFailure({name: str(error) for name, error in failures.items()}, len(pages))
    return pages


@contextmanager
def _frozen() -> Iterator[None]:
    """Leave what is there before the first scan out of the collections after each: so they take milliseconds."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
