"""What `predict` writes of one scan; the report is last, and tells from what, so that a finished scan is known."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pseudohealthy.errors import OutputError
from pseudohealthy.io.bids import derivative
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.dicom_seg import SourceFrames, write_dicom_seg
from pseudohealthy.io.files import remove_unfinished, sha256, write_json
from pseudohealthy.io.lesions import LesionMask
from pseudohealthy.io.volume import Volume, write_volumes
from pseudohealthy.report.case_page import write_case_page
from pseudohealthy.score.thresholds import Threshold
from pseudohealthy.stages.prediction import Prediction

REPORT = "space-orig_label-L_report.json"


@dataclass(frozen=True)
class Wanted:
    """What is asked of a prediction; together with the scan and the model it determines every file.

    Attributes:
        threshold: Where the score becomes a mask.
        branches: Also write both branches of the score.
        strip: The tool that finds the brain in whole heads; its mask is written, too.
        dicom_seg: Also write DICOM-SEG.
        precision: What the networks compute with: `fp32` or `bf16`.
    """

    threshold: Threshold
    branches: bool = False
    strip: str | None = None
    dicom_seg: bool = False
    precision: str = "fp32"


def made_from(case: Case, model_key: str, wanted: Wanted) -> dict[str, Any]:
    """What a scan's files follow from: its own files by content, the model, what was asked."""
    files = {"image": case.image, "brain_mask": case.brain_mask, "lesion_mask": case.lesion_mask}
    return {
        "inputs_sha256": {kind: sha256(path) for kind, path in files.items() if path},
        "lesion_labels": [list(case.lesion_labels), list(case.ignored_labels)],
        "model_sha256": model_key,
        "branches": wanted.branches,
        "strip": wanted.strip,
        "dicom_seg": wanted.dicom_seg,
        "precision": wanted.precision,
    }


def finished(out: Path, case: Case, made: Mapping[str, Any], threshold: Threshold) -> bool:
    """Whether all files of a case are there, made from the same and with the same threshold."""
    path = derivative(out, case, REPORT)
    if not path.is_file():
        return False
    report = _read(path)
    same = report.get("made_from") == made and report.get("threshold") == _said(threshold)
    return same and all((out / file).is_file() for file in report["files"])


def made_by(out: Path, case: Case, model_key: str, threshold: Threshold) -> bool:
    """Whether a case's report says that this model made it, with this threshold."""
    report = _read(derivative(out, case, REPORT))
    same: bool = report.get("made_from", {}).get("model_sha256") == model_key
    return same and report.get("threshold") == _said(threshold)


def _read(path: Path) -> dict[str, Any]:
    """A report; one that a crash of the machine has damaged says nothing, and its scan is not finished."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}


def write_prediction(
    prediction: Prediction,
    out: Path,
    wanted: Wanted | None = None,
    *,
    lesion: LesionMask | None = None,
    frames: SourceFrames | None = None,
    made: Mapping[str, Any] | None = None,
) -> Path:
    """Write images, page and report as BIDS derivatives, the report last.

    Args:
        prediction: The result of one scan.
        out: Output folder.
        wanted: What is written beside the usual.
        lesion: The true lesions, for the page.
        frames: Write DICOM-SEG that refer to these.
        made: `made_from(...)`, where the run may be resumed.

    Returns:
        The page: `out/sub-01.html`.
    """
    case = prediction.case
    if case is None:
        raise OutputError(
            out, found="a prediction without a name", needed="a case", fix="Predict with a case, or save its Volumes."
        )
    report, page = derivative(out, case, REPORT), out / f"{case.name}.html"
    report.unlink(missing_ok=True)  # of an earlier run: killed from here on, this one must not pass for finished
    images = _images(prediction, wanted)
    written = [derivative(out, case, f"{suffix}.nii.gz") for suffix in images]
    write_volumes(images.values(), written)
    if frames is not None:
        written += _write_segmentations(prediction, case, frames, out)
    write_case_page(page, prediction, lesion)
    written.append(page)
    files = [path.relative_to(out).as_posix() for path in written]
    write_json(report, {**report_of(prediction), **({"made_from": made} if made else {}), "files": files})
    for path in (*written, report):
        remove_unfinished(path)  # the killed run that this one goes on with
    return page


def _images(prediction: Prediction, wanted: Wanted | None) -> dict[str, Volume]:
    images = {
        "space-orig_desc-pseudohealthy_T1w": prediction.reconstruction,
        "space-orig_label-L_probseg": prediction.score,
        "space-orig_label-L_mask": prediction.mask.like(prediction.mask.data.astype(np.uint8)),
    }
    if wanted is not None and wanted.strip is not None:
        images["space-orig_desc-brain_mask"] = prediction.brain_mask
    if wanted is not None and wanted.branches:
        images["space-orig_desc-unsupervised_label-L_probseg"] = prediction.unsupervised
        if prediction.supervised is not None:
            images["space-orig_desc-supervised_label-L_probseg"] = prediction.supervised
    return images


def _write_segmentations(prediction: Prediction, case: Case, frames: SourceFrames, out: Path) -> tuple[Path, Path]:
    """The mask and the score as DICOM-SEG beside the images."""
    threshold = prediction.threshold
    facts = {"method": prediction.model["row"], "threshold": f"{threshold.value:.6g} ({threshold.policy})"}
    mask, score = (derivative(out, case, f"space-orig_label-L_{kind}.dcm") for kind in ("mask", "probseg"))
    write_dicom_seg(frames, prediction.mask, prediction.score, (mask, score), facts)
    return mask, score


def _said(threshold: Threshold) -> dict[str, Any]:
    return {"value": threshold.value, "policy": threshold.policy, "statement": threshold.statement}


def report_of(prediction: Prediction) -> dict[str, Any]:
    """The numbers of a prediction, ready for JSON."""
    return {
        "case": prediction.case.name if prediction.case else None,
        "threshold": _said(prediction.threshold),
        "volume_ml": float(np.count_nonzero(prediction.mask.data) * prediction.mask.voxel_ml),
        "brain_ml": float(np.count_nonzero(prediction.brain_mask.data) * prediction.mask.voxel_ml),
        "lesions": [dataclasses.asdict(lesion) for lesion in prediction.lesions],
        "coverage": prediction.coverage,
        "model": prediction.model,
        "timings_s": {phase: round(seconds, 3) for phase, seconds in prediction.timings_s.items()},
        "warnings": list(prediction.warnings),
    }
