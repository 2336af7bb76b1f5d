"""A distilled student of Stage I: one network that gives the teacher's mean reconstruction in a single pass.

It sees the slice itself and has the teacher's denoiser without condition. What it learns to give is what the teacher
makes of slices, half of them with painted anomalies, so that it learns to heal and not to copy.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.data.slices import Sampler, SliceStore, generator
from pseudohealthy.models.denoiser import Denoiser
from pseudohealthy.models.reconstructors.one_step import from_signed, to_signed
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.training import one_cycle

RATE, DECAY, BATCH = 1.5e-3, 0.99, 16  # the recipe of Stage I


class Student(nn.Module):
    """The teacher's denoiser, which sees the slice itself in place of a noised one."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        s = model.recipe.reconstructor.settings
        self.network = Denoiser(s.widths, s.blocks, 0, s.unshuffle)

    def forward(self, x: Tensor) -> Tensor:
        """Slices (n, 1, y, x) -> the mean of the teacher's reconstructions."""
        return from_signed(self.network(to_signed(x), torch.zeros(len(x), dtype=torch.long), None))


def distil(model: Model, store: SliceStore, steps: int, seed: int) -> Student:
    """Train a student; its weights are an exponential moving average, as Stage I's are."""
    torch.manual_seed(seed)
    student = Student(model).to(memory_format=torch.channels_last)
    average = copy.deepcopy(student)
    optimiser = torch.optim.AdamW(student.parameters(), RATE, weight_decay=0.01)
    sampler = Sampler(store, seed)
    for step in range(steps):
        rng = generator(seed, step, "student")
        batch = sampler.draw(step, BATCH)
        x, _ = ANOMALIES["draem" if step % 2 else "blobs"](batch.x, batch.mask, rng)
        for group in optimiser.param_groups:
            group["lr"] = RATE * one_cycle(step, steps)
        with torch.no_grad():
            wanted = model.reconstructor.views(x, rng).mean(dim=0)
        loss = ((student(x) - wanted).abs() * batch.mask).sum() / batch.mask.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        for kept, now in zip(average.parameters(), student.parameters(), strict=True):
            kept.data.lerp_(now.data, 1 - min(DECAY, (1 + step) / (10 + step)))
        if step % 100 == 99:
            print(f"student: step {step + 1}, L1 to the teacher {loss.item():.4f}", flush=True)
    return average.requires_grad_(False).eval()


def kept_student(path: Path, model: Model, store: SliceStore, steps: int, seed: int) -> Student:
    """The student of an earlier run, or a new one."""
    if not path.exists():
        trained = distil(model, store, steps, seed)
        save_file({name: part.contiguous() for name, part in trained.state_dict().items()}, path)
    student = Student(model)
    student.load_state_dict(load_file(path))
    return student.to(memory_format=torch.channels_last).requires_grad_(False).eval()
