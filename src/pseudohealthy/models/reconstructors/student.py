"""A student of the cDDPM: one pass that gives the mean of its reconstructions over all t.

Distillation (Hinton et al. 2015, arXiv 1503.02531) of what the score averages (Behrendt et al., MIDL 2024, section 3.3)
into a network that is asked once. The teacher, a cDDPM, is trained first, on healthy slices alone. The student sees the
slice itself, without noise or condition, and learns what the teacher makes of slices half of which have painted
anomalies, so that it learns to heal and not to copy. Stage II and the score see its reconstruction in place of the
teacher's; the teacher stays in the model folder, so that both can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pseudohealthy.data.blobs import BlobAnomaly
from pseudohealthy.data.draem import DraemAnomaly
from pseudohealthy.data.patches import brain_of
from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.denoiser import Denoiser
from pseudohealthy.models.reconstructors.base import Reconstructor
from pseudohealthy.models.reconstructors.cddpm import CDDPM, CDDPMSettings
from pseudohealthy.models.reconstructors.one_step import from_signed, to_signed

SMALL = CDDPMSettings(widths=(32, 64, 64), blocks=1, unshuffle=2, encoder="small", condition=128, noise_scale=1.75)
"""The teacher of recipe `small`."""


@dataclass(frozen=True)
class StudentSettings:
    """Settings of the student; its own network is the teacher's denoiser.

    Attributes:
        teacher: Settings of the teacher, as those of `cddpm`; the student learns to average its `test_steps`.
        teacher_steps: Training steps of the teacher; `reconstructor_training.steps` are the student's.
    """

    teacher: CDDPMSettings = SMALL
    teacher_steps: int = 1200

    def __post_init__(self) -> None:
        if self.teacher_steps < 1:
            raise ValueError(f"teacher_steps {self.teacher_steps} is not 1 or more")


class Student(Reconstructor):
    """The teacher's denoiser without its condition, which sees the slice in place of a noised one."""

    def __init__(self, settings: StudentSettings) -> None:
        super().__init__()
        self.settings = settings
        self.teacher = CDDPM(settings.teacher)
        self.network = Denoiser(settings.teacher.widths, settings.teacher.blocks, 0, settings.teacher.unshuffle)

    def train(self, mode: bool = True) -> Student:
        """The teacher is as at test time, whatever the student does: nothing of it may learn from painted slices."""
        super().train(mode)
        self.teacher.eval()
        return self

    def pretraining(self) -> dict[str, tuple[nn.Module, int]]:
        """What the teacher starts from, and the teacher."""
        return {**self.teacher.pretraining(), "teacher": (self.teacher, self.settings.teacher_steps)}

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """L1 between the student's and the teacher's reconstruction of painted slices, on the [-1, 1] scale."""
        paint = DraemAnomaly() if torch.rand((), generator=rng) < 0.5 else BlobAnomaly()
        painted = paint(x, brain_of(x), rng)[0][rows]
        with torch.no_grad():
            taught = self.teacher.reconstruct(painted, rng)
        return 2 * (self._seen(painted) - taught).abs().mean()

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """One pass; nothing is drawn."""
        return self._seen(x)

    def _seen(self, x: Tensor) -> Tensor:
        estimate: Tensor = self.network(to_signed(x), torch.zeros(len(x), dtype=torch.long, device=x.device), None)
        return from_signed(estimate)
