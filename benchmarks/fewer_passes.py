"""How few network passes find as much? On the people that an experiment tunes on, see `trials.py`.

    python benchmarks/fewer_passes.py RUN/seed-1 --fold 0 [--annotated tumour] [--student-steps 800] --out passes.tsv

A volume costs one pass of Stage I for each t and one of Stage II for each reconstruction. Tried: fewer t; Stage II once
on the mean reconstruction; a student, one network that has learned to give the teacher's mean reconstruction in one
pass (on healthy slices with painted anomalies, so that it learns to heal and not to copy). Passes are counted, seconds
are those of this machine, medians of 3.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn
from trials import Map, Scan, _chunks, note_into, read_scans, segment, show, sides_of, train

from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.data.slices import Sampler, SliceStore, generator
from pseudohealthy.io.table import write_table
from pseudohealthy.models.denoiser import Denoiser
from pseudohealthy.models.reconstructors.one_step import from_signed, to_signed
from pseudohealthy.score.maps import anomaly_map
from pseudohealthy.score.median import median_in_mask
from pseudohealthy.stages.model_folder import Model, load_model
from pseudohealthy.stages.tensors import store_cohort
from pseudohealthy.stages.training import one_cycle


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
    """Train a student on what the teacher makes of slices, half of them with painted anomalies."""
    torch.manual_seed(seed)
    student = Student(model)
    optimiser = torch.optim.AdamW(student.parameters(), 1.5e-3, weight_decay=0.01)
    sampler = Sampler(store, seed)
    for step in range(steps):
        rng = generator(seed, step, "student")
        batch = sampler.draw(step, 16)
        x, _ = ANOMALIES["draem" if step % 2 else "blobs"](batch.x, batch.mask, rng)
        for group in optimiser.param_groups:
            group["lr"] = 1.5e-3 * one_cycle(step, steps)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = model.reconstructor.views(x, rng).float().mean(dim=0)
            loss = ((student(x).float() - wanted).abs() * batch.mask).sum() / batch.mask.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        if step % 100 == 99:
            print(f"student: step {step + 1}, L1 to the teacher {loss.item():.4f}", flush=True)
    return student.requires_grad_(False).eval()


@torch.inference_mode()
def apply(network: Callable[[Tensor], Tensor], scan: Scan) -> Map:
    """A network on the slices with brain, (z, y, x)."""
    made = np.zeros_like(scan.x)
    for rows in _chunks(scan.mask):
        inside = torch.from_numpy(scan.mask[rows])[:, None]
        made[rows] = (network(torch.from_numpy(scan.x[rows])[:, None]) * inside)[:, 0].numpy()
    return made


def seconds(work: Callable[[], object]) -> float:
    """Median of three, after one."""
    taken = []
    for _ in range(4):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken[1:]))


def main() -> None:
    """Train the student and Stage II, score, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--annotated", default="tumour")
    parser.add_argument("--student-steps", type=int, default=800)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model = load_model(args.folder / f"fold-{args.fold}" / "stage-1" / "model")
    sides = sides_of(args.folder, args.fold, args.annotated)
    scans = read_scans(model, sides.tuned_on)
    with TemporaryDirectory() as temporary:
        healthy, annotated = (
            store_cohort(cohort, Path(temporary) / name, model.recipe.grid, model.recipe.space)
            for name, cohort in (("healthy", sides.train), ("annotated", sides.annotated))
        )
        student = distil(model, healthy, args.student_steps, sides.seed)
        segmenter = train("unet_res", model, annotated, sides.seed)
    found: list[dict[str, str]] = []
    steps = model.recipe.reconstructor.settings.test_steps
    for scan in scans:
        by_student = apply(student, scan)[None]
        chosen = {f"t = {t}": scan.views[i : i + 1] for i, t in enumerate(steps)}
        chosen |= {"all t": scan.views, "student": by_student}
        for name, views in chosen.items():
            x_tilde = _map(model, scan, views)
            y = segment("unet_res", segmenter, model, scan, views)
            note_into(found, f"{name}: x~", scan, x_tilde)
            note_into(found, f"{name}: y^", scan, y)
            note_into(found, f"{name}: fused", scan, 0.5 * x_tilde + 0.5 * y)
        once = segment("unet_res", segmenter, model, scan, scan.views.mean(axis=0, keepdims=True))
        note_into(found, "all t, Stage II once: y^", scan, once)
        note_into(found, "all t, Stage II once: fused", scan, 0.5 * _map(model, scan, scan.views) + 0.5 * once)
    write_table(args.out, list(found[0]), found)
    show(found)
    _times(model, student, segmenter, scans[0], len(steps))


def _map(model: Model, scan: Scan, views: Map) -> Map:
    made = anomaly_map("ssim", scan.x, views, scan.mask)
    return np.clip(median_in_mask(made, scan.mask, model.recipe.score.median_voxels), 0, 1)


def _times(model: Model, student: Student, segmenter: nn.Module, scan: Scan, views: int) -> None:
    rng = lambda: generator(model.seed, "predict")  # noqa: E731
    stage_1 = seconds(lambda: apply(lambda x: model.reconstructor.views(x, rng()).mean(dim=0), scan))
    by_student = seconds(lambda: apply(student, scan))
    once = seconds(lambda: segment("unet_res", segmenter, model, scan, scan.views[:1]))
    print("\n| | passes of Stage I | of Stage II | seconds |\n|---|---|---|---|")
    for name, first, second, taken in (
        ("all t", views, views, stage_1 + views * once),
        ("all t, Stage II once", views, 1, stage_1 + once),
        ("one t", 1, 1, stage_1 / views + once),
        ("student", 1, 1, by_student + once),
    ):
        print(f"| {name} | {first} | {second} | {taken:.2f} |")


if __name__ == "__main__":
    main()
