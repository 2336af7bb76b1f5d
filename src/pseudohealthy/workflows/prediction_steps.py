"""The way of one scan of a cohort: it is read, computed and written.

Reading and writing may be done in threads of their own beside computing: they use no torch, and pages are drawn without
pyplot. One reader and one writer at a time, for libraries below them keep settings of the whole process.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pseudohealthy.errors import InputError
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.dicom_seg import SourceFrames, source_frames
from pseudohealthy.io.dicom_series import Series
from pseudohealthy.io.lesions import LesionMask
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import PreparedScan
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model, fingerprint
from pseudohealthy.stages.prediction import Prediction
from pseudohealthy.stages.tensors import read_case, read_lesion
from pseudohealthy.workflows.prediction_files import Wanted, finished, made_from, write_prediction


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


@dataclass(frozen=True, eq=False)
class Told:
    """A case that is done with, one way or the other.

    Attributes:
        case: The case.
        line: What is told of it.
        error: Why it could not be used; None where its files are there.
    """

    case: Case
    line: str
    error: InputError | None = None


@dataclass(frozen=True, eq=False)
class _Read:
    case: Case
    made: dict[str, Any]
    scan: Scan
    seconds: float


@dataclass(frozen=True, eq=False)
class _Computed:
    case: Case
    made: dict[str, Any]
    prediction: Prediction
    lesion: LesionMask | None  # not the whole scan: what is prepared of it is not needed any more
    frames: SourceFrames | None
    seconds: float


class Steps:
    """The three steps, each a function of what the one before gives; what is done with passes through.

    Args:
        model: What to predict with.
        out: Where files go.
        wanted: Which.
        resume: Leave scans untouched that are finished.
        dicom: Case name -> the series to write a DICOM-SEG for.
    """

    def __init__(self, model: Model, out: Path, wanted: Wanted, resume: bool, dicom: Mapping[str, Series]) -> None:
        self._model, self._key, self._inference = model, fingerprint(model), Inference(model, wanted.precision)
        self._out, self._wanted, self._resume, self._dicom = out, wanted, resume, dicom

    def read(self, case: Case) -> _Read | Told:
        """Read a scan, unless it is finished; one that cannot be used is told, and stops nothing."""
        begun = time.perf_counter()
        try:
            made = made_from(case, self._key, self._wanted)
            if self._resume and finished(self._out, case, made, self._wanted.threshold):
                return Told(case, "done before")
            scan = read_scan(case, self._model, self._wanted.strip, self._dicom.get(case.name))
        except InputError as error:
            return Told(case, str(error), error)
        return _Read(case, made, scan, time.perf_counter() - begun)

    def compute(self, read: _Read | Told) -> _Computed | Told:
        """Predict it."""
        if isinstance(read, Told):
            return read
        begun, scan = time.perf_counter(), read.scan
        prediction = self._inference.predict(scan.prepared, self._wanted.threshold, read.case)
        prediction.timings_s["read and prepare"] = scan.seconds
        seconds = read.seconds + time.perf_counter() - begun
        return _Computed(read.case, read.made, prediction, scan.lesion, scan.frames, seconds)

    def write(self, computed: _Computed | Told) -> Told:
        """Write its files and tell of it; its seconds are those of the three steps, not of waiting between them."""
        if isinstance(computed, Told):
            return computed
        begun, prediction = time.perf_counter(), computed.prediction
        lesion, frames, made = computed.lesion, computed.frames, computed.made
        write_prediction(prediction, self._out, self._wanted, lesion=lesion, frames=frames, made=made)
        volume_ml = float(np.count_nonzero(prediction.mask.data) * prediction.mask.voxel_ml)
        gc.collect()  # a page's figures and arrays refer to each other in cycles, 25 MB a scan: Python finds them late
        seconds = computed.seconds + time.perf_counter() - begun
        line = f"{len(prediction.lesions)} lesions, {volume_ml:.1f} ml marked, {seconds:.1f} s"
        return Told(computed.case, line)
