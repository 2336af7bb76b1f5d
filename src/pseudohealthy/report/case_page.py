"""The page of one scan: what was found, where, how sure the threshold makes it, and what it was made with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pseudohealthy.report.page import write_page
from pseudohealthy.report.panels import render_panels
from pseudohealthy.report.slices import CONVENTION
from pseudohealthy.report.viewer import make_viewer
from pseudohealthy.score.metrics import dice

if TYPE_CHECKING:
    from pseudohealthy.io.volume import Volume
    from pseudohealthy.stages.prediction import Prediction

_SLICES = 8
_ROWS_SHOWN = 40  # of the lesion table; a mask in a thousand pieces says nothing more with all of them


def write_case_page(path: Path, prediction: Prediction, lesion: Volume | None = None) -> None:
    """Write a prediction as one self-contained page (at most about 8 MB).

    Args:
        path: The HTML file.
        prediction: The result of one scan.
        lesion: Reference mask on the scan's grid, where there is one.

    Raises:
        OutputError: The file cannot be written.
    """
    voxel_ml = prediction.mask.voxel_ml
    mask = prediction.mask.data.astype(bool)
    truth = None if lesion is None else lesion.data.astype(bool)
    source = prediction.scan.source
    write_page(
        path,
        "case.html.j2",
        name=_name(prediction),
        prediction=prediction,
        source="" if source is None else source.name,
        volume_ml=float(np.count_nonzero(mask) * voxel_ml),
        brain_ml=float(np.count_nonzero(prediction.brain_mask.data) * voxel_ml),
        lesions=prediction.lesions[:_ROWS_SHOWN],
        more=max(len(prediction.lesions) - _ROWS_SHOWN, 0),
        truth_ml=None if truth is None else float(np.count_nonzero(truth) * voxel_ml),
        dice=None if truth is None else dice(mask, truth),
        picture=render_panels(prediction, lesion, count=_SLICES),
        convention=CONVENTION,
        viewer=make_viewer(prediction, lesion),
        seconds=sum(prediction.timings_s.values()),
    )


def _name(prediction: Prediction) -> str:
    if prediction.case is not None:
        return prediction.case.name
    return "scan" if prediction.scan.source is None else prediction.scan.source.name.split(".")[0]
