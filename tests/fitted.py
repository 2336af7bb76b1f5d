"""A model of two training steps, fitted once a session on the made cohort: for tests of what comes after training."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pseudohealthy.io.cohort import Cohort
from pseudohealthy.stages.calibrate import calibrate
from pseudohealthy.stages.model_folder import Model, load_model, save_model
from pseudohealthy.stages.recipe import Recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import train_segmenter


@dataclass(frozen=True)
class Fitted:
    """Model folders; tests that change one take a copy.

    Attributes:
        cohort: What they learned from; `cohort.split("test")` is new to them.
        table: Its cohort table.
        stage_1: Unsupervised, not calibrated.
        uncalibrated: Both stages.
        model: Both stages, with the `healthy` threshold.
    """

    cohort: Cohort
    table: Path
    stage_1: Path
    uncalibrated: Path
    model: Path

    def load(self) -> Model:
        """A model of one's own, calibrated."""
        return load_model(self.model)

    def copy_of_model(self, folder: Path) -> Path:
        """A model folder that may be changed."""
        return Path(shutil.copytree(self.model, folder))


def fit(folder: Path, cohort: Cohort, recipe: Recipe) -> Fitted:
    """Train both stages into `folder` and calibrate."""
    with RunFolder.open(folder) as run:
        stage_1 = train_reconstructor(cohort.split("train"), cohort.split("validation"), recipe, run.inner("stage-1"))
        scans = Supervision(Cohort(()), cohort.split("annotated"), cohort.split("validation"))
        both = train_segmenter(stage_1, scans, recipe, run.inner("stage-2"))
    save_model(calibrate([both], cohort.split("calibration"))[0], folder / "model")
    return Fitted(
        cohort=cohort,
        table=cohort[0].image.parent / "cohort.tsv",
        stage_1=folder / "stage-1" / "model",
        uncalibrated=folder / "stage-2" / "model",
        model=folder / "model",
    )
