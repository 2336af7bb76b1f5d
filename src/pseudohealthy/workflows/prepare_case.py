"""Prepare one scan and write it: image, masks, transforms, bias field, sidecar, picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from pseudohealthy import __version__
from pseudohealthy.io.bids import derivative
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.files import remove_unfinished, sha256, write_bytes, write_json, write_text
from pseudohealthy.io.lesions import LesionMask, read_lesion_mask
from pseudohealthy.io.volume import read_mask, read_volume, write_volume
from pseudohealthy.prepare.chain import ChainSettings, PreparedRaw, prepare_raw
from pseudohealthy.prepare.itk import transform_text
from pseudohealthy.report.preparation import render_preparation

SIDECAR = "desc-preproc_T1w.json"


@dataclass(frozen=True)
class Task:
    """One scan to prepare.

    Attributes:
        case: The scan.
        settings: What to do.
        out: Output folder.
        resume: Leave a case that is finished, with the same inputs and settings, untouched.
    """

    case: Case
    settings: ChainSettings
    out: Path
    resume: bool

    @property
    def name(self) -> str:
        """The case's name."""
        return self.case.name


@dataclass(frozen=True)
class Done:
    """What came of it.

    Attributes:
        sidecar: The JSON file that says how it was made; the last file that is written.
        facts: Short facts for log and page.
        skipped: It was finished before.
    """

    sidecar: Path
    facts: tuple[str, ...]
    skipped: bool = False


def prepare_case(task: Task) -> Done:
    """Prepare one scan.

    Raises:
        InputError: Why it cannot be prepared.
    """
    case, out = task.case, task.out
    asked = _asked(task)
    if task.resume:
        for before in done_before(out, case):
            told = json.loads(before.sidecar.read_text(encoding="utf-8"))
            if {key: told.get(key) for key in asked} == json.loads(json.dumps(asked)):
                return before
    scan = read_volume(case.image)
    given = read_mask(case.brain_mask, scan, "brain mask") if case.brain_mask else None
    lesion = read_lesion_mask(case, scan)
    prepared = prepare_raw(scan, task.settings, given)
    files = _write(prepared, lesion, case, out)
    picture = render_preparation(scan, prepared.native_mask, prepared.image, prepared.outline)
    write_bytes(picture_of(out, case), picture.content)
    sidecar = derivative(out, case, f"space-{prepared.space}_{SIDECAR}")
    content = {
        **asked,
        "SkullStripped": True,
        "GeneratedBy": f"pseudohealthy {__version__}",
        "Files": {kind: path.relative_to(out).as_posix() for kind, path in files.items()},
        "Steps": prepared.steps,
        "Warnings": prepared.warnings,
    }
    write_json(sidecar, content)
    for path in (*files.values(), picture_of(out, case), sidecar):
        remove_unfinished(path)  # the killed run that this one goes on with
    return Done(sidecar, facts_of(json.loads(json.dumps(content))))


def done_before(out: Path, case: Case) -> Iterator[Done]:
    """What is finished of a case, whatever it was made from: one for each space."""
    folder = derivative(out, case, "").parent
    for sidecar in sorted(folder.glob(f"{escape(case.name)}_space-*_{SIDECAR}")):
        try:
            told = json.loads(sidecar.read_text(encoding="utf-8"))
            told["Files"].values()
        except (ValueError, KeyError, TypeError, AttributeError):  # damaged: the scan is prepared again
            continue
        if all(file.is_file() for file in (*(out / name for name in told["Files"].values()), picture_of(out, case))):
            yield Done(sidecar, facts_of(told), skipped=True)


def picture_of(out: Path, case: Case) -> Path:
    """Where the picture of a case lies."""
    return out / "figures" / f"{case.name}.webp"


def facts_of(sidecar: dict[str, Any]) -> tuple[str, ...]:
    """Short facts for log and page."""
    steps = sidecar["Steps"]
    brain, there = steps["brain_mask"], steps.get("registration")
    facts = [f"{brain['volume_ml']:.0f} ml of brain ({brain['source']})"]
    facts += [f"Dice with {there['template']} {there['mask_dice']:.3f}"] if there else []
    return (*facts, f"bias field: {steps['bias_field']['method']}")


def _asked(task: Task) -> dict[str, Any]:
    """What makes a result what it is: inputs by content, settings."""
    case = task.case
    files = {"T1w": case.image, "brain mask": case.brain_mask, "lesion mask": case.lesion_mask}
    return {
        "SourceSHA256": {kind: sha256(path) for kind, path in files.items() if path},
        "LesionLabels": [case.lesion_labels, case.ignored_labels],
        "Settings": asdict(task.settings),
    }


def _write(prepared: PreparedRaw, lesion: LesionMask | None, case: Case, out: Path) -> dict[str, Path]:
    space = f"space-{prepared.space}"
    files = {
        "image": derivative(out, case, f"{space}_desc-preproc_T1w.nii.gz"),
        "brain_mask": derivative(out, case, f"{space}_desc-brain_mask.nii.gz"),
    }
    write_volume(prepared.image, files["image"])
    write_volume(prepared.mask, files["brain_mask"])
    if lesion is not None:
        carried = LesionMask(prepared.carry(lesion.lesion), prepared.carry(lesion.ignored))
        files["lesion_mask"] = derivative(out, case, f"{space}_label-L_mask.nii.gz")
        write_volume(carried.labels(), files["lesion_mask"])
    if prepared.bias_field is not None:
        files["log_bias_field"] = derivative(out, case, "space-orig_desc-log_biasfield.nii.gz")
        write_volume(prepared.bias_field.log_field, files["log_bias_field"])
    if prepared.space != "orig":
        there = prepared.target_from_world
        back = np.asarray(np.linalg.inv(there), np.float64)
        for key, affine, names in (
            ("transform", there, ("T1w", prepared.space)),
            ("inverse_transform", back, (prepared.space, "T1w")),
        ):
            files[key] = derivative(out, case, f"from-{names[0]}_to-{names[1]}_mode-image_xfm.txt")
            write_text(files[key], transform_text(affine))
    return files
