"""What a cohort leaves in memory."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages.prediction import Prediction
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows import predict_cohort as module
from pseudohealthy.workflows.prediction_files import Wanted


class Figure:
    """Refers to itself by its canvas, as a figure does, and holds the picture's voxels."""

    def __init__(self, voxels: np.ndarray) -> None:
        self.voxels, self.canvas = voxels, self


def test_no_scan_is_kept_until_python_happens_to_look_for_cycles(tmp_path, made_cohort, fitted, monkeypatch):
    figures: list[weakref.ref[Figure]] = []
    alive = []

    def write(prediction: Prediction, out: Path, *rest: object, **options: object) -> Path:
        alive.append(sum(figure() is not None for figure in figures))
        figures.append(weakref.ref(Figure(prediction.score.data)))
        return out / "page.html"

    monkeypatch.setattr(module, "write_prediction", write)
    monkeypatch.setattr(module, "write_prediction_table", lambda *_: None)
    gc.disable()
    try:
        module.predict_cohort(fitted.load(), made_cohort[:3], RunFolder(tmp_path), Wanted(given_threshold(0.4)))
    finally:
        gc.enable()
    assert alive == [0, 0, 0]
    assert gc.get_freeze_count() == 0


def test_the_switch_for_collections_is_put_back_after_an_error(tmp_path, made_cohort, fitted, monkeypatch):
    def broken(*_: object, **__: object) -> Path:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "write_prediction", broken)
    with pytest.raises(ZeroDivisionError):
        module.predict_cohort(fitted.load(), made_cohort[:1], RunFolder(tmp_path), Wanted(given_threshold(0.4)))
    assert gc.get_freeze_count() == 0
