"""Dice against cost: number and choice of t, passes of Stage II, its stem, a student of Stage I, other grids.

    python benchmarks/pareto.py RUN/seed-1 --fold 0 [--annotated tumour] [--student-steps 300] [--grids] --out DIR

RUN is the folder of `pseudohealthy benchmark semi-real` in which Stage I of the fold is trained. What is missing is
trained in DIR, where a killed run goes on. People: those that the experiment tunes on (`validation`, `calibration`),
one scan of every set each, with lesions that nothing has learned from. ⌈Dice⌉ and AUPRC in the scans' own grid, GFLOP
counted by PyTorch, processor seconds of one scan (median of 3) with one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from student import taught
from torch.utils.flop_counter import FlopCounterMode
from trials import Map, show, sides_of

from pseudohealthy.config import MethodChoice
from pseudohealthy.data.slices import generator
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.table import read_table, write_table
from pseudohealthy.models.reconstructors import Reconstructor
from pseudohealthy.models.segmenters.unet import UNetSettings
from pseudohealthy.prepare.model_grid import GRIDS, ModelGrid
from pseudohealthy.prepare.scan import PreparedScan
from pseudohealthy.score.maps import anomaly_map
from pseudohealthy.score.median import median_in_mask
from pseudohealthy.score.ranking import rank
from pseudohealthy.stages.compute import ready
from pseudohealthy.stages.infer import CHUNK
from pseudohealthy.stages.model_folder import Model, load_model
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.tensors import read_case, read_lesion, to_zyx
from pseudohealthy.workflows.experiments.trainings import STAGE_1, Training, stage_1, stage_2

# Beside `small`, 80 x 96 pixels of 2 mm: its field, and on the finer one 200 mm for its 192, which 8 does not divide.
GRIDS |= {
    "2.5 mm": ModelGrid("2.5 mm", (64, 80, 64), 2.5),
    "1.67 mm": ModelGrid("1.67 mm", (96, 120, 96), 5 / 3),
}
PIXELS, FOLDED = UNetSettings((16, 32, 64, 128)), UNetSettings((16, 32, 64, 128), unshuffle=2)
PLAIN = {name: replace(of, standardise_stem=False) for name, of in (("pixels", PIXELS), ("folded", FOLDED))}


ALL_T = (250, 500, 750)
LABEL_HIGH, CHEAPEST = 0.0058, 150  # of AUPRC and GFLOP, in the plot
ELSEWHERE = {  # labels, clear of each other
    "3 t, once, 2.5 mm": ((-8, 3), "right"),
    "3 t, Stage II each (paper)": ((0, 8), "center"),
    "t 500 and 750": ((0, 8), "center"),
    "t 250 and 500": ((24, -14), "center"),
}


@dataclass(frozen=True)
class Choice:
    """One way to score a scan.

    Attributes:
        name: As told.
        segmenter: Key of the trained models.
        t: Steps of Stage I; none: a student.
        each: Stage II sees each reconstruction, not their mean.
        map: The unsupervised score.
        noise: Factor on the noise that is added to the scan.
    """

    name: str
    segmenter: str
    t: tuple[int, ...] = ALL_T
    each: bool = False
    map: str = "ssim"
    noise: float = 1.0


CHOICES = (
    Choice("3 t, Stage II each (paper)", "pixels", each=True),
    Choice("3 t, Stage II once", "pixels"),
    Choice("3 t, once, Mahalanobis", "pixels", map="mahalanobis"),
    Choice("t 500 and 750", "pixels", (500, 750)),
    Choice("t 250 and 500", "pixels", (250, 500)),
    Choice("t = 250", "pixels", (250,)),
    Choice("t = 500", "pixels", (500,)),
    Choice("t = 750", "pixels", (750,)),
    Choice("3 t, no noise", "pixels", noise=0.0),
    Choice("t = 500, no noise", "pixels", (500,), noise=0.0),
    Choice("student", "student", ()),
    Choice("student, Stage II of the 3 t", "pixels", ()),
    Choice("3 t, once, folded stem", "folded"),
    Choice("student, folded stem", "folded", ()),
    Choice("3 t, once, plain stem", "pixels-plain"),
    Choice("3 t, once, folded, plain stem", "folded-plain"),
    Choice("3 t, once, folded, 2.5 mm", "folded 2.5 mm"),
    Choice("3 t, once, 2.5 mm", "2.5 mm"),
    Choice("3 t, once, 1.67 mm", "1.67 mm"),
)


def trained(experiment: Path, cohort: Cohort, run: RunFolder, *, student_steps: int, grids: bool) -> dict[str, Model]:
    """The models that are compared: Stage I of the experiment, its student, one on each grid; Stage II on each."""
    first = load_model(experiment / STAGE_1 / "model")
    recipe = first.recipe

    def second(folder: str, first: Model, settings: UNetSettings, steps: int) -> Model:
        training = replace(recipe.segmenter_training, steps=steps)
        chosen = replace(first.recipe, segmenter=MethodChoice("unet_res", settings), segmenter_training=training)
        return stage_2(Training("unet_res"), cohort, first, chosen, run.inner(folder), resume=True)

    models = {"folded": second("folded", first, FOLDED, 300), "pixels": second("pixels", first, PIXELS, 300)}
    models |= {f"{name}-plain": second(f"{name}-plain", first, settings, 300) for name, settings in PLAIN.items()}
    student = taught(first, cohort.split("train"), cohort.split("validation"), student_steps, run.inner("student"))
    models["student"] = second("pixels-student", student, PIXELS, 300)
    if grids:
        coarse, fine = (
            stage_1(cohort, replace(recipe, grid=grid), run.inner(grid.replace(" ", "")), resume=True)
            for grid in ("2.5 mm", "1.67 mm")
        )
        models["folded 2.5 mm"] = second("folded-2.5mm", coarse, FOLDED, 300)
        models["2.5 mm"] = second("pixels-2.5mm", coarse, PIXELS, 300)
        models["1.67 mm"] = second("pixels-1.67mm", fine, PIXELS, 300)
    return models


@contextmanager
def at(reconstructor: Reconstructor, t: Sequence[int], noise: float) -> Iterator[None]:
    """A diffusion model that reconstructs at these steps and from less noise; a student is left alone."""
    own = reconstructor.settings
    if t:
        reconstructor.settings = replace(own, test_steps=tuple(t), noise_scale=noise * own.noise_scale)
    try:
        yield
    finally:
        reconstructor.settings = own


class Scored:
    """A scan on a model's grid, scored in every way of a choice.

    Args:
        model: Its networks run channels last.
        prepared: The scan.
    """

    def __init__(self, model: Model, prepared: PreparedScan) -> None:
        self._model, self._prepared = model, prepared
        self.brain = prepared.native_mask.data
        self._x, self._mask = to_zyx(prepared.image.data), to_zyx(prepared.mask.data)

    def views(self, t: Sequence[int], student: Reconstructor, noise: float = 1.0) -> Map:
        """Reconstructions, (view, z, y, x)."""
        made = np.zeros((max(len(t), 1), *self._x.shape), np.float32)
        chosen = self._model.reconstructor if t else student
        with torch.inference_mode(), at(chosen, t, noise):
            for rows in self._chunks():
                x, inside = self._slices(rows)
                views = chosen.views(x, generator(self._model.seed, "predict"))
                made[:, rows] = (views * inside)[:, :, 0].numpy()
        return made

    def unsupervised(self, name: str, views: Map) -> Map:
        """x~ by a score."""
        deviation = anomaly_map(name, self._x, views, self._mask)
        return np.clip(median_in_mask(deviation, self._mask, self._model.recipe.score.median_voxels), 0, 1)

    def supervised(self, views: Map) -> Map:
        """y^, the mean over the views that Stage II is given."""
        segmenter = self._model.segmenter
        found = np.zeros_like(self._x)
        with torch.inference_mode():
            for rows in self._chunks():
                x, inside = self._slices(rows)
                residuals = x - torch.from_numpy(views[:, rows])[:, :, None]
                found[rows] = (segmenter.views(x, residuals).sigmoid().mean(dim=0) * inside)[:, 0].numpy()
        return found

    def native(self, score: Map) -> Map:
        """A score in the scan's own grid."""
        return self._prepared.to_native(to_zyx(score)).data

    def _slices(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(self._x[rows])[:, None], torch.from_numpy(self._mask[rows])[:, None]

    def _chunks(self) -> Iterator[np.ndarray]:
        rows = np.flatnonzero(self._mask.any(axis=(1, 2)))
        for start in range(0, len(rows), CHUNK):
            yield rows[start : start + CHUNK]


def of_choice(choice: Choice, scored: Scored, views: Map) -> dict[str, Map]:
    """The three scores of a choice on the model grid."""
    x_tilde = scored.unsupervised(choice.map, views)
    y = scored.supervised(views if choice.each else views.mean(axis=0, keepdims=True))
    return {"x~": x_tilde, "y^": y, "fused": 0.5 * x_tilde + 0.5 * y}


@dataclass(frozen=True)
class Work:
    """The trained networks, and the choices by which scans are scored with them."""

    models: Mapping[str, Model]
    student: Reconstructor
    choices: Sequence[Choice]

    def on_grids(self, case: Case) -> dict[str, PreparedScan]:
        """A scan on every model grid."""
        recipes = [model.recipe for model in self.models.values()]
        return {recipe.grid: read_case(case, GRIDS[recipe.grid], recipe.space) for recipe in recipes}

    def found(self, case: Case) -> Iterator[dict[str, str]]:
        """What every score of every choice reaches on a scan with a lesion, in its own grid."""
        on_grid = self.on_grids(case)
        lesion = read_lesion(case, next(iter(on_grid.values())))
        if lesion is None:
            return
        made: dict[str, Map] = {}  # by grid: the views of all t, of which the choices take theirs
        for choice in self.choices:
            model = self.models[choice.segmenter]
            grid = model.recipe.grid
            scored = Scored(model, on_grid[grid])
            if choice.t and choice.noise == 1:
                if grid not in made:
                    made[grid] = scored.views(ALL_T, self.student)
                views = made[grid][[ALL_T.index(t) for t in choice.t]]
            else:
                views = scored.views(choice.t, self.student, choice.noise)
            inside, outside = lesion.lesion.data & scored.brain, scored.brain & ~lesion.lesion.data
            for name, score in of_choice(choice, scored, views).items():
                native = scored.native(score)
                ranking = rank(native[inside], native[outside])
                if ranking is not None:
                    numbers = {"dice_oracle": f"{ranking.dice_oracle:.4f}", "auprc": f"{ranking.auprc:.4f}"}
                    yield {"row": f"{choice.name}: {name}", "set": case.pathology, "case": case.name, **numbers}

    def costs(self, case: Case) -> dict[str, tuple[float, float]]:
        """Choice -> GFLOP and seconds of a scan."""
        on_grid, costs = self.on_grids(case), {}
        for choice in self.choices:
            model = self.models[choice.segmenter]
            scored = Scored(model, on_grid[model.recipe.grid])
            costs[choice.name] = cost(
                lambda c=choice, s=scored: of_choice(c, s, s.views(c.t, self.student, c.noise))  # type: ignore[misc]
            )
        return costs


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """GFLOP, and processor seconds (median of three)."""
    with FlopCounterMode(display=False) as counter:
        work()
    taken = []
    for _ in range(3):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return counter.get_total_flops() / 1e9, float(np.median(taken))


def main() -> None:
    """Train what is missing, score, write the tables and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--annotated", default="tumour")
    parser.add_argument("--student-steps", type=int, default=300)
    parser.add_argument("--grids", action="store_true", help="train and score grids of 2.5 and 1.67 mm, too")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    sides = sides_of(args.folder, args.fold, args.annotated)
    run = RunFolder(args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    folder, steps = args.folder / f"fold-{args.fold}", args.student_steps
    made = trained(folder, sides.cohort, run, student_steps=steps, grids=args.grids)
    models = {name: ready(model, torch.device("cpu")) for name, model in made.items()}
    choices = [choice for choice in CHOICES if choice.segmenter in models]
    student = models["student"].reconstructor
    scans = args.out / "scans.tsv"
    found = list(read_table(scans)) if scans.exists() else []
    known = {row["row"].rpartition(": ")[0] for row in found}
    if missing := [choice for choice in choices if choice.name not in known]:
        work = Work(models, student, missing)
        found += [row for case in sides.tuned_on for row in work.found(case)]
        write_table(scans, list(found[0]), found)
    costs = Work(models, student, choices).costs(next(iter(sides.tuned_on)))
    show([one for one in found if one["row"].endswith(": fused")])
    rows = summary(found, costs)
    write_table(args.out / "pareto.tsv", list(rows[0]), rows)
    draw(rows, args.out / "pareto.webp")


def summary(found: Sequence[Mapping[str, str]], costs: Mapping[str, tuple[float, float]]) -> list[dict[str, str]]:
    """Cost and quality of each choice: means over the sets in which there is something to find."""
    rows = []
    print(
        "\n| choice | GFLOP | seconds | x~ AUPRC | y^ AUPRC | fused AUPRC | fused best Dice | front |"
        f"\n|---|{'---|' * 7}"
    )
    for choice in (one for one in CHOICES if one.name in costs):
        means = {}
        for score, metric in (("x~", "auprc"), ("y^", "auprc"), ("fused", "auprc"), ("fused", "dice_oracle")):
            of = [one for one in found if one["row"] == f"{choice.name}: {score}" and one["set"] != "sham"]
            sets = dict.fromkeys(one["set"] for one in of)
            of_sets = [np.mean([float(one[metric]) for one in of if one["set"] == name]) for name in sets]
            means[f"{score} {metric}"] = f"{np.mean(of_sets):.4f}"
        gflop, seconds = costs[choice.name]
        rows.append({"choice": choice.name, "gflop": f"{gflop:.0f}", "seconds": f"{seconds:.2f}"} | means)
    for row in rows:
        cheaper = [other for other in rows if float(other["gflop"]) <= float(row["gflop"])]
        row["front"] = "" if any(float(each["fused auprc"]) > float(row["fused auprc"]) for each in cheaper) else "yes"
        print("| " + " | ".join(row.values()) + " |")
    return rows


def draw(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    """AUPRC of the fused score against GFLOP a scan."""
    figure = Figure(figsize=(8.2, 4.2), dpi=144, layout="constrained")
    axes = figure.add_subplot()
    lowest: dict[float, float] = {}  # label at each x: the next one goes below it
    for row in sorted(rows, key=lambda one: -float(one["fused auprc"])):
        x, y, front = float(row["gflop"]), float(row["fused auprc"]), row["front"] == "yes"
        axes.plot(x, y, "o", color="#1f5fa8" if front else "#9a9a9a")
        lowest[x] = min(y, lowest.get(x, 1) - LABEL_HIGH)
        beside = (5, -13) if x < CHEAPEST else (8, 5 if front else -3)  # clear of the front's line
        place, side = ELSEWHERE.get(row["choice"], (beside, "left"))
        axes.annotate(row["choice"], (x, lowest[x]), place, textcoords="offset points", fontsize=7.5, ha=side)
    front = sorted((float(row["gflop"]), float(row["fused auprc"])) for row in rows if row["front"] == "yes")
    axes.margins(y=0.1)
    axes.step(*zip(*front, strict=True), where="post", color="#1f5fa8", linewidth=1)
    axes.set(xlabel="GFLOP a scan", ylabel="AUPRC of the fused score, mean of seven kinds", xlim=(50, 700))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


if __name__ == "__main__":
    main()
