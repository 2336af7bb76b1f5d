"""A distilled student of Stage I: one pass that gives the mean of what the teacher reconstructs at all t.

Distillation (Hinton et al. 2015, arXiv 1503.02531) of a cDDPM that is trained. The student has the teacher's denoiser
without condition and sees the slice itself, without noise. It learns what the teacher makes of slices half of which
have painted anomalies, so that it learns to heal and not to copy. A study, not a method of the package: what came of it
is told in docs/performance.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from pseudohealthy.config import MethodChoice
from pseudohealthy.data.blobs import BlobAnomaly
from pseudohealthy.data.draem import DraemAnomaly
from pseudohealthy.data.patches import brain_of
from pseudohealthy.data.slices import EVERY, fixed_slices
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.models.denoiser import Denoiser
from pseudohealthy.models.diffusion import from_signed, to_signed
from pseudohealthy.models.reconstructors import RECONSTRUCTORS, Reconstructor
from pseudohealthy.models.reconstructors.cddpm import CDDPM, CDDPMSettings
from pseudohealthy.stages.model_folder import Model, load_model, save_model
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.tensors import store_cohort
from pseudohealthy.stages.train_reconstructor import VALIDATION_SLICES, Validation, loss_of
from pseudohealthy.stages.training import fit

UNTAUGHT = CDDPMSettings()


@dataclass(frozen=True)
class StudentSettings:
    """Settings of the teacher; the student's denoiser is the same."""

    teacher: CDDPMSettings = UNTAUGHT


class Student(Reconstructor):
    """A network and its teacher, which stays as it is."""

    def __init__(self, settings: StudentSettings) -> None:
        super().__init__()
        self.settings = settings
        self.teacher = CDDPM(settings.teacher)
        self.network = Denoiser(settings.teacher.widths, settings.teacher.blocks, 0, settings.teacher.unshuffle)

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """L1 between both reconstructions of painted slices, on the [-1, 1] scale."""
        paint = DraemAnomaly() if torch.rand((), generator=rng) < 0.5 else BlobAnomaly()
        painted = paint(x, brain_of(x), rng)[0][rows]
        with torch.no_grad():
            taught = self.teacher.reconstruct(painted, rng)
        return 2 * (self._seen(painted) - taught).abs().mean()

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """One pass; nothing is drawn."""
        return self._seen(x)

    def _seen(self, x: Tensor) -> Tensor:
        return from_signed(self.network(to_signed(x), torch.zeros(len(x), dtype=torch.long), None))


RECONSTRUCTORS["student"] = (StudentSettings, Student)


def taught(teacher: Model, healthy: Cohort, validation: Cohort, steps: int, run: RunFolder) -> Model:
    """The model of an earlier run, or one whose student was trained as Stage I is."""
    if (run.path / "model").is_dir():
        return load_model(run.path / "model")
    own = teacher.recipe
    settings = StudentSettings(own.reconstructor.settings)
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
        metrics = checks(student)
    student.requires_grad_(False)
    model = replace(teacher, recipe=recipe, reconstructor=student, segmenter=None, metrics=metrics)
    save_model(model, run.path / "model")
    return model
