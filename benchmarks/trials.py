"""What would find more? Ideas tried on the people that an experiment tunes on, never on those that it tests.

    python benchmarks/trials.py RUN/seed-1 --fold 0 [--annotated tumour] [--trials NAME ...] --out trials.tsv

RUN is the folder of `pseudohealthy benchmark semi-real` in which Stage I of the fold is trained. The people are those
of the splits `validation` and `calibration`, one scan of every set each, with lesions that nothing has learned from.
Stage II learns from the annotated scans of the fold, as in the experiment, with the same steps; each trial is trained
anew here, by one loop. Printed and written: ⌈Dice⌉ and AUPRC on the model grid, means over people.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from pseudohealthy.data.augment import augment
from pseudohealthy.data.slices import Sampler, SliceBatch, SliceStore, generator
from pseudohealthy.io.cohort import Case, Cohort, read_cohort
from pseudohealthy.io.table import write_table
from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.models.segmenters import Segmenter
from pseudohealthy.models.segmenters.unet import UNet
from pseudohealthy.score.difference import brighter, darker
from pseudohealthy.score.maps import anomaly_map
from pseudohealthy.score.median import median_in_mask
from pseudohealthy.score.ranking import rank
from pseudohealthy.stages.model_folder import Model, load_model
from pseudohealthy.stages.tensors import store_cohort
from pseudohealthy.stages.training import one_cycle
from pseudohealthy.workflows.experiments.folds import cohort_of, sides
from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
from pseudohealthy.workflows.experiments.plans import load_any_plan

Map = NDArray[np.float32]
Channels = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]
"""(x, x^, z) of slices -> what the siamese encoder sees besides x."""

LARGEST_Z = 5.0
SEGMENTERS: Mapping[str, Channels] = {
    "unet": lambda x, x_hat, z: (),
    "unet_res": lambda x, x_hat, z: (x - x_hat,),
    "unet_z": lambda x, x_hat, z: (z,),
    "unet_res_z": lambda x, x_hat, z: (x - x_hat, z),
    "unet_signed": lambda x, x_hat, z: ((x - x_hat).clamp_min(0), (x_hat - x).clamp_min(0)),
}
PARAMETERS = 1.05e6
SEEDS = (0, 101, 102, 103)  # of the noise maps; 0 is the model's own
STEPS, BATCH, RATE, DECAY = 300, 16, 2e-3, 0.98  # of the recipe `demo`


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan on the model grid, (z, y, x), and its reconstructions (view, z, y, x)."""

    case: Case
    x: Map
    mask: NDArray[np.bool_]
    lesion: NDArray[np.bool_]
    views: Map
    more_views: Map


class Siamese(UNet):
    """`unet_res` with any number of inputs beside the scan, each through the shared encoder."""

    def __init__(self, widths: tuple[int, ...], inputs: int) -> None:
        super().__init__(widths, 1 + inputs, prior=0.02)
        self.inputs = inputs

    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        """Logits; `residual` holds the other inputs as channels."""
        seen = [] if residual is None else list(residual.split(1, dim=1))
        features = [torch.cat(level, dim=1) for level in zip(*map(self.encode, (*seen, x)), strict=True)]
        h = features.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            h = block(torch.cat([up(h), features.pop()], dim=1))
        logits: Tensor = self.head(h) + self.bias
        return logits


def network(inputs: int) -> Siamese:
    """A network of about `PARAMETERS`, whatever the number of inputs."""
    candidates = [
        tuple(8 * max(1, round(w * share / 8)) for w in (16, 32, 64, 128)) for share in np.arange(0.6, 1.7, 0.02)
    ]
    sizes = {}
    with torch.device("meta"):
        for widths in candidates:
            sizes[widths] = sum(p.numel() for p in Siamese(widths, inputs).parameters())
    widths = min(candidates, key=lambda each: abs(sizes[each] - PARAMETERS))
    return Siamese(widths, inputs)


def z_of(model: Model, batch: SliceBatch, x: Tensor) -> Tensor:
    """How far slices lie from the healthy population, in [-1, 1]."""
    known = model.population
    mean, sd = (torch.from_numpy(part)[batch.position][:, None] for part in (known.mean, known.sd))
    return ((x - mean) / sd / LARGEST_Z).clamp(-1, 1) * batch.mask


def train(name: str, model: Model, store: SliceStore, seed: int) -> Siamese:
    """The recipe's training of Stage II, with other inputs."""
    torch.manual_seed(seed)
    segmenter = network(len(SEGMENTERS[name](*[torch.zeros(1, 1, 1, 1)] * 3)))
    average = copy.deepcopy(segmenter)
    optimiser = torch.optim.AdamW(segmenter.parameters(), RATE, weight_decay=0.01)
    sampler = Sampler(store, seed, model.recipe.supervision.lesion_slice_share)
    for step in range(STEPS):
        rng = generator(seed, step, "segmenter")
        batch = sampler.draw(step, BATCH)
        both = torch.cat((batch.lesion, batch.ignored.to(batch.lesion.dtype)), dim=1)
        x, mask, labels = augment(batch.x, batch.mask, both, model.recipe.augment, rng)
        batch = replace(batch, x=x, mask=mask)
        with torch.no_grad():
            x_hat = model.reconstructor.draw(x, rng) * mask
        seen = SEGMENTERS[name](x, x_hat, z_of(model, batch, x))
        for group in optimiser.param_groups:
            group["lr"] = RATE * one_cycle(step, STEPS)
        with torch.autocast("cpu", torch.bfloat16):
            loss = segmenter.loss(x, torch.cat(seen, dim=1) if seen else None, labels[:, :1], 1 - labels[:, 1:])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(segmenter.parameters(), 1.0)
        optimiser.step()
        for kept, now in zip(average.parameters(), segmenter.parameters(), strict=True):
            kept.data.lerp_(now.data, 1 - min(DECAY, (1 + step) / (10 + step)))
    return average.requires_grad_(False).eval()


@torch.inference_mode()
def segment(name: str, segmenter: Siamese, model: Model, scan: Scan, views: Map) -> Map:
    """y^ of a scan, averaged over the views, (z, y, x)."""
    found = np.zeros_like(scan.x)
    for rows in _chunks(scan.mask):
        batch = _batch(scan, rows)
        z = z_of(model, batch, batch.x)
        for view in views:
            seen = SEGMENTERS[name](batch.x, torch.from_numpy(view[rows])[:, None], z)
            logits = segmenter(batch.x, torch.cat(seen, dim=1) if seen else None)
            found[rows] += (logits.sigmoid() * batch.mask)[:, 0].numpy() / len(views)
            if name in ("unet", "unet_z"):  # the same for every view
                found[rows] *= len(views)
                break
    return found


@torch.inference_mode()
def segment_with(segmenter: Segmenter, scan: Scan, views: Map) -> Map:
    """The same by a segmenter of the package."""
    found = np.zeros_like(scan.x)
    for rows in _chunks(scan.mask):
        batch = _batch(scan, rows)
        for view in views:
            logits = segmenter(batch.x, batch.x - torch.from_numpy(view[rows])[:, None])
            found[rows] += (logits.sigmoid() * batch.mask)[:, 0].numpy() / len(views)
    return found


def maps_of(model: Model, scan: Scan, scale: Mapping[str, float]) -> Iterator[tuple[str, Map]]:
    """Every score that needs no Stage II."""
    x, mask, views = scan.x, scan.mask, scan.views
    edge = model.recipe.score.median_voxels
    for name, make in DETECTORS.items():
        yield name, make(model.population).map(x, mask, generator(1, name))
    compared = ("ssim", "ssim_ensemble", "absolute", "darker", "brighter")
    for name in (*compared, "mahalanobis") if len(views) > 1 else compared:
        yield name, median_in_mask(anomaly_map(name, x, views, mask), mask, edge)
    yield (
        f"ssim, {len(scan.more_views)} views",
        median_in_mask(anomaly_map("ssim", x, scan.more_views, mask), mask, edge),
    )
    yield (
        f"mahalanobis, {len(scan.more_views)} views",
        median_in_mask(anomaly_map("mahalanobis", x, scan.more_views, mask), mask, edge),
    )
    for number, t in enumerate(model.recipe.reconstructor.settings.test_steps):
        yield f"ssim, t={t}", median_in_mask(anomaly_map("ssim", x, views[number : number + 1], mask), mask, edge)
    x_hat = views.mean(axis=0)
    sides_ = {name: gaussian_filter(make(x, x_hat, mask), 1.0) for name, make in (("d", darker), ("b", brighter))}
    yield "signed", np.maximum(*(sides_[name] / scale[name] for name in sides_)).astype(np.float32)


def healthy_scale(scans: Sequence[Scan]) -> dict[str, float]:
    """What a dark and a bright residual reach in healthy brains: each becomes 1, so neither is known beforehand."""
    top: dict[str, list[float]] = {"d": [], "b": []}
    for scan in scans:
        for name, make in (("d", darker), ("b", brighter)):
            smooth = gaussian_filter(make(scan.x, scan.views.mean(axis=0), scan.mask), 1.0)
            top[name].append(float(np.quantile(smooth[scan.mask], 0.99)))
    return {name: float(np.mean(values)) for name, values in top.items()}


@torch.inference_mode()
def read_scans(model: Model, cohort: Cohort, seeds: int = len(SEEDS)) -> list[Scan]:
    """Scans on the model grid with their reconstructions: the model's views, and `seeds` times as many."""
    scans = []
    with TemporaryDirectory() as folder:
        store = store_cohort(cohort, Path(folder) / "slices", model.recipe.grid, model.recipe.space)
        for row, case in enumerate(cohort):
            x, mask = store.images[row].astype(np.float32), np.array(store.masks[row])
            drawn = np.zeros((seeds, len(model.recipe.reconstructor.settings.test_steps), *x.shape), np.float32)
            for rows in _chunks(mask):
                part, inside = torch.from_numpy(x[rows])[:, None], torch.from_numpy(mask[rows])[:, None]
                for number, seed in enumerate(SEEDS[:seeds]):
                    made = model.reconstructor.views(part, generator(seed or model.seed, "predict")) * inside
                    drawn[number][:, rows] = made[:, :, 0].numpy()
            lesion = np.array(store.lesions[row])
            scans.append(Scan(case, x, mask, lesion, drawn[0], drawn.reshape(-1, *x.shape)))
    return scans


def _chunks(mask: NDArray[np.bool_]) -> Iterator[NDArray[np.intp]]:
    rows = np.flatnonzero(mask.any(axis=(1, 2)))
    for start in range(0, len(rows), 16):
        yield rows[start : start + 16]


def _batch(scan: Scan, rows: NDArray[np.intp]) -> SliceBatch:
    x, mask = (torch.from_numpy(part[rows])[:, None] for part in (scan.x, scan.mask))
    return SliceBatch(x, mask, torch.zeros_like(x), torch.zeros_like(mask), torch.from_numpy(rows))


@dataclass(frozen=True)
class Sides:
    """Scans of a fold: all with their split, those to learn from, the people to tune on and to test, and the seed."""

    cohort: Cohort
    train: Cohort
    annotated: Cohort
    tuned_on: Cohort
    tested: Cohort
    seed: int


def sides_of(folder: Path, fold: int, annotated: str) -> Sides:
    """Who is on which side."""
    plan = load_any_plan(str(folder.parent / "config.yaml"))
    if not isinstance(plan, PaintedPlan):
        raise SystemExit(f"{folder.parent} holds no experiment with painted lesions")
    seed = int(folder.name.removeprefix("seed-"))
    painted = read_cohort(folder / "data" / "cohort.tsv")
    people = painted.where(pathology="healthy")
    host_of = {case.name: case.columns["host"] for case in people}
    split_of = {host_of[name]: split for name, split in sides(plan, people, seed)[fold].items()}
    as_tested = {host: "test" if split in ("validation", "calibration") else split for host, split in split_of.items()}
    chosen = cohort_of(plan, painted, as_tested, annotated).split("test")
    tuned_on = Cohort(case for case in chosen if split_of[case.columns["host"]] != "test")
    fold_of = cohort_of(plan, painted, split_of, annotated)
    return Sides(fold_of, fold_of.split("train"), fold_of.split("annotated"), tuned_on, fold_of.split("test"), seed)


def note_into(found: list[dict[str, str]], row: str, scan: Scan, score: Map) -> None:
    """Add what a score reaches on a scan, if it has a lesion."""
    ranking = rank(score[scan.lesion], score[scan.mask & ~scan.lesion])
    if ranking is not None:
        numbers = {"dice_oracle": f"{ranking.dice_oracle:.4f}", "auprc": f"{ranking.auprc:.4f}"}
        found.append({"row": row, "set": scan.case.pathology, "case": scan.case.name, **numbers})


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--annotated", default="tumour")
    parser.add_argument("--trials", nargs="*", choices=list(SEGMENTERS), default=list(SEGMENTERS))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model = load_model(args.folder / f"fold-{args.fold}" / "stage-1" / "model")
    chosen = sides_of(args.folder, args.fold, args.annotated)
    scans = read_scans(model, chosen.tuned_on)
    scale = healthy_scale([scan for scan in scans if not scan.lesion.any()])
    found: list[dict[str, str]] = []

    unsupervised: list[Map] = []
    for scan in scans:
        scores = dict(maps_of(model, scan, scale))
        unsupervised.append(np.clip(scores["ssim"], 0, 1))
        for row, score in scores.items():
            note_into(found, row, scan, score)
    with TemporaryDirectory() as temporary:
        store = store_cohort(chosen.annotated, Path(temporary) / "slices", model.recipe.grid, model.recipe.space)
        for name in args.trials:
            begun = time.monotonic()
            segmenter = train(name, model, store, chosen.seed)
            minutes, size = (time.monotonic() - begun) / 60, sum(p.numel() for p in segmenter.parameters())
            print(f"{name}: {size / 1e6:.2f} M parameters, trained in {minutes:.1f} min", flush=True)
            for scan, x_tilde in zip(scans, unsupervised, strict=True):
                y = segment(name, segmenter, model, scan, scan.views)
                note_into(found, name, scan, y)
                note_into(found, f"sadm, {name}", scan, 0.5 * x_tilde + 0.5 * y)
                if "res" in name:
                    once = segment(name, segmenter, model, scan, scan.views.mean(axis=0, keepdims=True))
                    note_into(found, f"{name}, once on the mean", scan, once)
    write_table(args.out, list(found[0]), found)
    show(found)


def show(found: Sequence[Mapping[str, str]]) -> None:
    """Means of every row and set; the last column is that of the sets in which there is something to find."""
    sets = list(dict.fromkeys(one["set"] for one in found))
    true = [number for number, one in enumerate(sets) if one != "sham"]
    for metric in ("dice_oracle", "auprc"):
        print(f"\n| {metric} | {' | '.join(sets)} | mean |\n|{'---|' * (len(sets) + 2)}")
        for row in dict.fromkeys(one["row"] for one in found):
            means = [np.mean([float(o[metric]) for o in found if (o["row"], o["set"]) == (row, one)]) for one in sets]
            print(f"| {row} | {' | '.join(f'{mean:.3f}' for mean in means)} | {np.mean(np.take(means, true)):.3f} |")


if __name__ == "__main__":
    main()
