"""A student (`models/reconstructors/student.py`) of a teacher that is trained already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from pseudohealthy.config import MethodChoice
from pseudohealthy.data.slices import fixed_slices
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.models.reconstructors.student import Student, StudentSettings
from pseudohealthy.stages.model_folder import Model, load_model, save_model
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.tensors import store_cohort
from pseudohealthy.stages.train_reconstructor import VALIDATION_SLICES, Validation, loss_of
from pseudohealthy.stages.training import fit


def taught(teacher: Model, healthy: Cohort, validation: Cohort, steps: int, run: RunFolder) -> Model:
    """The model of an earlier run, or one whose student was trained as `train reconstructor` does."""
    if (run.path / "model").is_dir():
        return load_model(run.path / "model")
    own = teacher.recipe
    settings = StudentSettings(own.reconstructor.settings, own.reconstructor_training.steps)
    training = replace(own.reconstructor_training, steps=steps)
    recipe = replace(own, reconstructor=MethodChoice("student", settings), reconstructor_training=training)
    torch.manual_seed(training.seed)
    student = Student(settings)
    student.teacher.load_state_dict(teacher.reconstructor.state_dict())
    with TemporaryDirectory() as folder:
        stores = [
            store_cohort(cohort, Path(folder, name), recipe.grid, recipe.space)
            for name, cohort in (("train", healthy), ("validation", validation))
        ]
        checks = Validation(fixed_slices(stores[1], VALIDATION_SLICES), training.seed)
        fit(student, loss_of(stores[0], recipe), checks, training, run, resume=True)
    model = replace(teacher, recipe=recipe, reconstructor=student.requires_grad_(False), segmenter=None, metrics={})
    save_model(model, run.path / "model")
    return model
