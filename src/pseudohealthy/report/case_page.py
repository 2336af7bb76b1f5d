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
    from numpy.typing import NDArray

    from pseudohealthy.io.lesions import LesionMask
    from pseudohealthy.io.volume import Volume
    from pseudohealthy.stages.prediction import Prediction

_SLICES = 8
_MIDDLE_MM = 5.0  # to either side: the box is not symmetric to the millimetre
_ROWS_SHOWN = 40  # of the lesion table; a mask in a thousand pieces says nothing more with all of them


def write_case_page(path: Path, prediction: Prediction, lesion: LesionMask | None = None) -> None:
    """Write a prediction as one self-contained page (at most about 8 MB).

    Args:
        path: The HTML file.
        prediction: The result of one scan.
        lesion: Reference mask on the scan's grid, where there is one. Its Dice is that of `evaluate`: inside the brain,
            without what is ignored.

    Raises:
        OutputError: The file cannot be written.
    """
    voxel_ml = prediction.mask.voxel_ml
    mask = prediction.mask.data.astype(bool)
    truth = None if lesion is None else lesion.lesion
    counted = prediction.brain_mask.data.astype(bool) & (True if lesion is None else ~lesion.ignored.data)
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
        sides=[_side(lesion.centroid_mm[0], prediction.brain_mask) for lesion in prediction.lesions[:_ROWS_SHOWN]],
        more=max(len(prediction.lesions) - _ROWS_SHOWN, 0),
        truth_ml=None if truth is None else float(np.count_nonzero(truth.data) * voxel_ml),
        left_out_ml=0.0 if truth is None else _left_out_ml(truth, counted),
        dice=None if truth is None else dice(mask & counted, truth.data & counted),
        picture=render_panels(prediction, truth, count=_SLICES),
        convention=CONVENTION,
        viewer=make_viewer(prediction, truth),
        seconds=sum(prediction.timings_s.values()),
    )


def _side(x_mm: float, brain: Volume) -> str:
    """Left or right of the middle of the brain's box, across which heads are nearly alike."""
    upright = brain.canonical()
    inside = np.argwhere(upright.data)
    low_mm, high_mm = ((upright.affine @ [*end, 1.0])[0] for end in (inside.min(axis=0), inside.max(axis=0)))
    off_mm = x_mm - (low_mm + high_mm) / 2
    return "middle" if abs(off_mm) < _MIDDLE_MM else "left" if off_mm < 0 else "right"


def _left_out_ml(truth: Volume, counted: NDArray[np.bool_]) -> float:
    """What of the reference lies outside the brain, and is not counted."""
    return float(np.count_nonzero(truth.data & ~counted) * truth.voxel_ml)


def _name(prediction: Prediction) -> str:
    if prediction.case is not None:
        return prediction.case.name
    return "scan" if prediction.scan.source is None else prediction.scan.source.name.split(".")[0]
