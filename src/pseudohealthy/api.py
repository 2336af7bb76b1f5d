"""The front door for Python: `AnomalySegmenter`, with the habits of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pseudohealthy.config import CalibrationSettings
from pseudohealthy.errors import CohortError, ConfigError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.files import new_output_folder
from pseudohealthy.io.splits import chosen, refuse_leaks
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.score.thresholds import Threshold
from pseudohealthy.stages.calibrate import calibrate
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import WEIGHTS, Model, load_model, save_model
from pseudohealthy.stages.prediction import Prediction
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision, refuse_stage_2
from pseudohealthy.stages.tensors import read_case
from pseudohealthy.stages.train_reconstructor import train_reconstructor, validation_of
from pseudohealthy.stages.train_segmenter import train_segmenter
from pseudohealthy.workflows.predict_cohort import choose_threshold
from pseudohealthy.workflows.training_page import TrainingPage

Scans = Cohort | Path | str | Sequence[Path | str]
"""A cohort, or what `pseudohealthy.io.bids.discover` finds one in."""


class AnomalySegmenter:
    """Both stages behind four verbs: `fit`, `calibrate`, `predict`, `save` (and `load`).

    Args:
        recipe: Shipped recipe name or YAML file.
        overrides: `key=value` changes of the recipe, such as `reconstructor_training.steps=200`.

    Attributes:
        model_: The fitted model; None before `fit` or `load`.
    """

    def __init__(self, recipe: str | Path = "small", overrides: Sequence[str] = ()) -> None:
        self.recipe = load_recipe(recipe, overrides)
        self.model_: Model | None = None
        self._inference: Inference | None = None

    def fit(self, data: Scans, run: str | Path) -> AnomalySegmenter:
        """Train Stage I on the split `train`, then Stage II on `annotated` or on synthetic anomalies.

        Stage II is left out where there are no annotated scans and the recipe paints no anomalies: then the model is
        the unsupervised one.

        Args:
            data: Cohort with a split column.
            run: New folder for both run folders.
        """
        cohort = as_cohort(data)
        refuse_leaks(cohort.sides())
        healthy, annotated = cohort.split("train"), cohort.split("annotated")
        paints = self.recipe.supervision.synthetic != "none"
        if len(annotated) or paints:
            refuse_stage_2(self.recipe, painting=paints, annotated=bool(len(annotated)))
        with RunFolder.open(Path(run)) as folder:
            one = folder.inner("stage-1")
            model = train_reconstructor(healthy, validation_of(cohort), self.recipe, one, watch=TrainingPage(one.path))
            if len(annotated) or paints:
                scans = Supervision(healthy if paints else Cohort(()), annotated, cohort.split("validation"))
                two = folder.inner("stage-2")
                model = train_segmenter(model, scans, self.recipe, two, watch=TrainingPage(two.path))
        return self._with(model)

    def calibrate(self, data: Scans, settings: CalibrationSettings | None = None) -> AnomalySegmenter:
        """Find thresholds on scans that the model has not learned from (split `calibration`, if there is one)."""
        cohort = chosen(as_cohort(data), None, "calibration")
        return self._with(calibrate([self._model], cohort, settings)[0])

    def predict(
        self, scan: Volume | Path | str, brain_mask: Volume | None = None, threshold: str | float = "healthy"
    ) -> Prediction:
        """Score one scan.

        Args:
            scan: A Volume or the path of a NIfTI file.
            brain_mask: Brain mask on the scan's grid; by default the one beside the file, or what is not zero in a
                skull-stripped scan.
            threshold: `healthy`, `lesion`, or a number in [0, 1).

        Returns:
            Score, mask, reconstruction and lesions in the scan's own grid.
        """
        model = self._model
        grid, space = GRIDS[model.recipe.grid], model.recipe.space
        case = None if isinstance(scan, Volume) else _only_case(Path(scan))
        if case is not None and brain_mask is None:
            prepared = read_case(case, grid, space)
        else:
            image = scan if isinstance(scan, Volume) else read_volume(scan)
            prepared = prepare_scan(image, grid, brain_mask, space)
        if self._inference is None:
            self._inference = Inference(model)
        chosen: Threshold = choose_threshold(model, str(threshold))
        return self._inference.predict(prepared, chosen, case)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the model folder that `pseudohealthy predict` takes.

        Args:
            folder: New, empty, or a model folder, which is replaced.
            overwrite: Take a folder with other files in it; those of the same names are replaced.

        Raises:
            OutputError: It has other files in it, or cannot be written.
        """
        is_model = all((Path(folder) / name).is_file() for name in WEIGHTS[:2])
        save_model(self._model, new_output_folder(folder, overwrite=overwrite or is_model))

    @classmethod
    def load(cls, folder: str | Path) -> AnomalySegmenter:
        """Read a model folder."""
        model = load_model(Path(folder))
        segmenter = cls.__new__(cls)
        segmenter.recipe = model.recipe
        return segmenter._with(model)

    @property
    def _model(self) -> Model:
        if self.model_ is None:
            raise ConfigError(
                "AnomalySegmenter", found="no model", needed="a fitted one", fix="Call fit(...) first, or load(...)."
            )
        return self.model_

    def _with(self, model: Model) -> AnomalySegmenter:
        self.model_, self._inference = model, None
        return self


def _only_case(path: Path) -> Case:
    cohort = discover([path])
    if len(cohort) != 1:
        raise CohortError(
            path, found=f"{len(cohort)} scans", needed="one", fix="Predict them one by one, or on the command line."
        )
    return cohort[0]


def as_cohort(data: Scans) -> Cohort:
    """A cohort, or the one that is found in a path or several."""
    if isinstance(data, Cohort):
        return data
    return discover([Path(data)] if isinstance(data, str | Path) else [Path(part) for part in data])
