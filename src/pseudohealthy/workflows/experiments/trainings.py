"""Which networks an experiment trains. What a killed run has finished is not trained again, the rest goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from pseudohealthy.config import MethodChoice
from pseudohealthy.errors import ConfigError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.stages.begun import recipe_changes, spelt_out
from pseudohealthy.stages.model_folder import Model, load_model
from pseudohealthy.stages.recipe import Recipe, as_yaml
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.slabs import refuse_slabs, slab_of
from pseudohealthy.stages.stopwatch import timed
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import train_segmenter
from pseudohealthy.workflows.training_page import TrainingPage

STAGE_1 = "stage-1"
"""Folder of the recipe's own Stage I, on which Stage II is built."""


@dataclass(frozen=True)
class Training:
    """One training of Stage II.

    Attributes:
        segmenter: Name of the network.
        reference: What stands for x^ (`stages/reference.py`).
        synthetic: Anomaly generator that paints on the healthy scans of Stage I, or `none`: then the annotated scans.
    """

    segmenter: str
    reference: str = "reconstruction"
    synthetic: str = "none"

    @property
    def name(self) -> str:
        """Name of its folder."""
        parts = ("stage-2", self.segmenter, self.reference, self.synthetic)
        return "-".join(part for part in parts if part not in ("reconstruction", "none"))


def seeded(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with both trainings at a seed."""
    return dataclasses.replace(
        recipe,
        reconstructor_training=dataclasses.replace(recipe.reconstructor_training, seed=seed),
        segmenter_training=dataclasses.replace(recipe.segmenter_training, seed=seed),
    )


def chosen_for(training: Training, recipe: Recipe) -> Recipe:
    """The recipe with a training's network and supervision."""
    kind = SEGMENTERS[training.segmenter][0]
    settings = recipe.segmenter.settings if isinstance(recipe.segmenter.settings, kind) else kind()
    return dataclasses.replace(
        recipe,
        segmenter=MethodChoice(training.segmenter, settings),
        supervision=dataclasses.replace(recipe.supervision, synthetic=training.synthetic),
    )


def refuse_slabs_in(trainings: Sequence[Training], recipe: Recipe) -> None:
    """Refuse trainings on slabs that would only fail hours later, after Stage I.

    Raises:
        ConfigError: See `stages/slabs.py`.
    """
    for training in trainings:
        chosen = chosen_for(training, recipe)
        parts = chosen.segmenter_training.accumulate
        refuse_slabs(slab_of(chosen), chosen, painting=training.synthetic != "none", parts=parts)


def stage_1(cohort: Cohort, recipe: Recipe, run: RunFolder, *, resume: bool, folder: str = STAGE_1) -> Model:
    """Stage I on the splits `train` and `validation`, into `run/folder`; with `resume` an earlier run's goes on.

    Raises:
        ConfigError: What is to be gone on with was trained with another recipe.
    """
    inner = run.inner(folder)
    if resume and (done := _finished(inner, recipe)) is not None:
        return done
    with timed(inner.path):
        return train_reconstructor(
            cohort.split("train"),
            cohort.split("validation"),
            recipe,
            inner,
            resume=resume,
            watch=TrainingPage(inner.path),
        )


def stage_2(training: Training, cohort: Cohort, first: Model, recipe: Recipe, run: RunFolder, *, resume: bool) -> Model:
    """One training of Stage II, into a folder of its name in `run`.

    It learns from the split `annotated` and is validated on the annotated scans of `calibration`; without annotations
    it learns and is validated on those of Stage I.

    Raises:
        ConfigError: What is to be gone on with was trained with another recipe.
    """
    inner, chosen = run.inner(training.name), chosen_for(training, recipe)
    if training.synthetic == "none":
        scans = Supervision(Cohort(()), cohort.split("annotated"), cohort.split("calibration").annotated)
    else:
        scans = Supervision(cohort.split("train"), Cohort(()), cohort.split("validation"))
    if resume and (done := _finished(inner, chosen)) is not None:
        return done
    with timed(inner.path):
        return train_segmenter(
            first, scans, chosen, inner, reference=training.reference, resume=resume, watch=TrainingPage(inner.path)
        )


def _finished(run: RunFolder, recipe: Recipe) -> Model | None:
    """The model that an earlier run has left, if it came to its end.

    Raises:
        ConfigError: It was trained with another recipe.
    """
    if not (run.path / "model" / "config.json").is_file():
        return None
    model = load_model(run.path / "model")
    changes = recipe_changes(as_yaml(model.recipe), as_yaml(recipe))
    if changes:
        raise ConfigError(
            run.path,
            found=f"a network that was trained with another recipe: {spelt_out(changes)}",
            needed="the recipe of this plan",
            fix="Choose another output folder, or remove this one to train the network anew.",
        )
    run.log("done before")
    return model
