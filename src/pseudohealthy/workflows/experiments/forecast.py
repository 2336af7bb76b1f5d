"""What a plan is going to do, before it does it: rows, networks, and hours from a few timed steps on this machine."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pseudohealthy.config import TrainingSettings
from pseudohealthy.data.slices import SliceStore, generator
from pseudohealthy.models.population import Population
from pseudohealthy.models.reconstructors import RECONSTRUCTORS, Reconstructor
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.stages import train_reconstructor, train_segmenter
from pseudohealthy.stages.infer import CHUNK
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.pretrained import give_pretrained
from pseudohealthy.stages.recipe import Recipe, load_recipe
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.slabs import covering
from pseudohealthy.stages.training import best_device, native_precision
from pseudohealthy.workflows.experiments.methods import Methods
from pseudohealthy.workflows.experiments.trainings import Training, chosen_for
from pseudohealthy.workflows.experiments.unsupervised import recipe_of

TIMED_STEPS = 2


@dataclass(frozen=True)
class Work:
    """One kind of training of a plan.

    Attributes:
        rows: Rows of the table that come with it.
        parameters: Of the network that is trained.
        steps: Of one training.
        trainings: How often it is trained: seeds, folds, directions.
        step_s: Seconds a step, timed on this machine.
        scored: Scans that are scored by it.
        scan_s: Seconds that the network takes for a scan, timed on this machine.
    """

    rows: str
    parameters: int
    steps: int
    trainings: int
    step_s: float
    scored: int
    scan_s: float

    @property
    def hours(self) -> float:
        """Of training and scoring."""
        return (self.steps * self.trainings * self.step_s + self.scored * self.scan_s) / 3600


def forecast(plan: Methods) -> list[Work]:
    """Time a few steps of every training of a plan, on made slices, with the recipe's augmentation and painting.

    Raises:
        ConfigError: The recipe, or a key for one method, is refused.
        MissingExtraError: A method needs a package that is not installed.
    """
    main, times = load_recipe(plan.recipe), plan.times
    recipes = [main, *(recipe_of(plan, method, plan.seeds[0]) for method in plan.unsupervised)]
    with tempfile.TemporaryDirectory() as folder:
        store = made_store(Path(folder) / "slices", main.grid)
        found = [_stage_1(recipe, store, times.stage_1, times.scored) for recipe in recipes]
        first = _model(main, store)
        for training in plan.trainings:
            often = times.annotated if training.synthetic == "none" else times.unannotated
            found.append(_stage_2(training, first, main, store, often, times.scored))
            if training == plan.trainings[0]:
                found += [
                    replace(found[-1], rows=", ".join(f"{row}@{number}" for row in found[-1].rows.split(", ")))
                    for number in plan.fewer_annotated
                ]
    return found


def told(plan: Methods, work: Sequence[Work]) -> list[str]:
    """The lines of a table for people."""
    lines = [f"{'rows':<44}{'parameters':>12}{'steps':>8}{'times':>7}{'s a step':>10}{'hours':>8}"]
    lines += [
        f"{one.rows:<44}{one.parameters / 1e6:>10.2f} M{one.steps:>8}{one.trainings:>7}"
        f"{one.step_s:>10.3f}{one.hours:>8.2f}"
        for one in work
    ]
    scoring = "training and networks' scoring" if plan.times.scored else "training"
    lines.append(
        f"About {sum(one.hours for one in work):.1f} hours of {scoring}, by {TIMED_STEPS} timed steps each on this "
        "machine as busy as it is now; reading, measuring and painting scans come on top."
    )
    return lines


def made_store(folder: Path, grid: str) -> SliceStore:
    """Two ellipsoids of noise with a lesion, in the place of scans: what a step costs does not depend on more."""
    shape = GRIDS[grid].shape[::-1]
    store = SliceStore.create(folder, 2, shape)
    axes = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    radius = np.sqrt(sum(axis**2 for axis in axes))
    brain, rng = radius < 0.9, np.random.default_rng(0)
    for scan in range(len(store)):
        image = (brain * (0.5 + 0.3 * rng.random(shape))).astype(np.float32)
        store.put(scan, image, brain, radius < 0.3)
    return store


def _network(recipe: Recipe) -> Reconstructor:
    method = recipe.reconstructor
    torch.manual_seed(0)  # initial weights: PyTorch's layers take no generator
    network = RECONSTRUCTORS[method.method][1](method.settings)
    give_pretrained(network, method.settings)
    return network


def _model(recipe: Recipe, store: SliceStore) -> Model:
    return Model(recipe, _network(recipe), None, Population.of(store.images), 0, {})


def _stage_1(recipe: Recipe, store: SliceStore, trainings: int, scored: int) -> Work:
    network, settings = _network(recipe), recipe.reconstructor_training
    loss = train_reconstructor.loss_of(store, recipe)
    step_s = _step_s(network, lambda step: loss(network, step), settings)
    batch = store.batch(np.zeros(CHUNK, np.intp), np.full(CHUNK, store.images.shape[1] // 2)).to(best_device())

    def call() -> None:
        network.views(batch.x, generator(0))
        network.anomaly_map(batch.x, batch.mask, generator(0))

    scan_s = _call_s(call) * math.ceil(store.images.shape[1] / CHUNK)
    model = Model(recipe, network, None, Population.of(store.images), 0, {})
    return Work(model.reconstructor_row, _parameters(network), settings.steps, trainings, step_s, scored, scan_s)


def _stage_2(training: Training, first: Model, recipe: Recipe, store: SliceStore, trainings: int, scored: int) -> Work:
    recipe = chosen_for(training, recipe)
    settings, choice = recipe.segmenter_training, recipe.segmenter
    network = SEGMENTERS[choice.method][1](choice.settings)
    first.reconstructor.to(best_device())
    role, slab = "annotated" if training.synthetic == "none" else "healthy", network.slab
    batches = train_segmenter.Batches({role: store}, recipe, slab)
    loss = train_segmenter.loss_of(batches, Reference(first, training.reference), recipe)
    step_s = _step_s(network, lambda step: loss(network, step), settings)
    model = replace(first, recipe=recipe, segmenter=network, reference=training.reference)
    height, together = store.images.shape[1], max(1, CHUNK // slab)
    x = store.batch(np.zeros(together, np.intp), np.full(together, (height - slab) // 2), slab).x.to(best_device())
    views = len(first.reconstructor.views(x[:1], generator(0))) if network.uses_residual else 1
    calls = math.ceil(len(covering(np.ones(height, np.bool_), slab)) / together)
    scan_s = views * _call_s(lambda: network(x, x)) * calls
    return Work(
        f"{model.segmenter_row}, {model.row}", _parameters(network), settings.steps, trainings, step_s, scored, scan_s
    )


def _step_s(network: nn.Module, loss: Callable[[int], torch.Tensor], settings: TrainingSettings) -> float:
    device = best_device()
    precision = native_precision(device) if settings.precision == "auto" else settings.precision
    half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision)
    network.to(device).train()
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 1e-6)

    def step(number: int) -> None:
        with torch.autocast(device.type, half or torch.bfloat16, enabled=half is not None):
            value = loss(number)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def steps() -> None:
        for number in range(TIMED_STEPS):
            step(1 + number)

    step(0)  # what is made at the first step is not timed
    return _timed(steps) / TIMED_STEPS


def _call_s(call: Callable[[], object]) -> float:
    with torch.inference_mode():
        return _timed(call)


def _timed(work: Callable[[], object]) -> float:
    _wait()
    begun = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - begun


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
