"""Refuses what would mean nothing: scans that a model knows, patients who would count as healthy, models apart."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pseudohealthy.errors import CohortError, LeakError, ModelFolderError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import sha256
from pseudohealthy.stages.model_folder import Model

STAGES = ("reconstructor", "segmenter", "painted")


def refuse_seen(cohort: Cohort, model: Model, role: str, stages: Sequence[str] = STAGES) -> None:
    """Refuse a cohort that holds a file from which the model has learned, under whatever name.

    Raises:
        LeakError: There is one.
    """
    learned = {content for stage in stages for content in model.trained_on.get(stage, {}).values()}
    seen = [case.name for case in cohort if sha256(case.image) in learned]
    if seen:
        raise LeakError(
            role,
            found=f"{', '.join(seen)}, from which the model has learned",
            needed="scans of other subjects",
            fix="Leave them out, or train without them.",
        )


def refuse_calibrated(cohort: Cohort, model: Model) -> None:
    """Refuse test scans on which the model's thresholds were found: every Dice at a threshold would come out too high.

    Raises:
        LeakError: There is one.
    """
    used = [case.name for case in cohort if sha256(case.image) in model.calibrated_on]
    if used:
        raise LeakError(
            "test scans",
            found=f"{', '.join(used)}, on which the model's thresholds were found",
            needed="scans of other subjects",
            fix="Leave them out, or calibrate on others.",
        )


def refuse_unmasked(cohort: Cohort, role: str) -> None:
    """Refuse a patient without a lesion mask where scans without one are taken for healthy.

    Raises:
        CohortError: There is one.
    """
    bare = [case for case in cohort if case.lesion_mask is None and case.pathology not in ("", "healthy")]
    if bare:
        named = dict.fromkeys(case.pathology for case in bare)
        raise CohortError(
            role,
            found=f"no lesion mask for {', '.join(case.name for case in bare)}, whose pathology is not 'healthy' but "
            f"{', '.join(repr(name) for name in named)}",
            needed="a lesion mask for each patient: scans without one count as healthy",
            fix="Add the masks, mend the 'pathology' column, or leave these scans out.",
        )


def refuse_other_reconstructors(models: Sequence[Model]) -> None:
    """Refuse models that do not share one and the same reconstructor and unsupervised map, or whose rows have one name.

    Raises:
        ModelFolderError: They do not, or have.
    """
    first, names = models[0].reconstructor.state_dict(), {models[0].row}
    for model in models[1:]:
        other = model.reconstructor.state_dict()
        if first.keys() != other.keys() or not all(torch.equal(first[key], other[key]) for key in first):
            raise ModelFolderError(
                f"model {model.row}",
                found="another reconstructor than that of the first model",
                needed="models that share Stage I",
                fix="Evaluate them one by one.",
            )
        for what, (ours, theirs) in _of_the_map(models[0], model).items():
            if ours != theirs:
                raise ModelFolderError(
                    f"model {model.row}",
                    found=f"{what} {theirs}, where the first model has {ours}",
                    needed="models that share Stage I and its map: one table has one unsupervised row",
                    fix="Evaluate them one by one.",
                )
        if model.row in names:
            raise ModelFolderError(
                f"model {model.row}",
                found="two models of this name",
                needed="one model a row of the table",
                fix="Evaluate them one by one.",
            )
        names.add(model.row)


def _of_the_map(one: Model, other: Model) -> dict[str, tuple[object, object]]:
    """What the unsupervised map follows from besides the weights, in both models."""
    a, b = one.recipe, other.recipe
    return {
        "grid": (a.grid, b.grid),
        "space": (a.space, b.space),
        "score.map": (a.score.map, b.score.map),
        "score.median_voxels": (a.score.median_voxels, b.score.median_voxels),
        "noise seed": (one.seed, other.seed),
    }
