"""What a plan is going to do, before it does it: rows, networks, and hours from a few timed steps on this machine."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pseudohealthy.data.slices import SliceBatch, SliceStore, generator
from pseudohealthy.models.population import Population
from pseudohealthy.models.reconstructors import RECONSTRUCTORS, Reconstructor
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.stages import train_reconstructor, train_segmenter
from pseudohealthy.stages.infer import CHUNK
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.pretrained import give_pretrained
from pseudohealthy.stages.processor import best_device
from pseudohealthy.stages.recipe import Recipe, load_recipe
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.slabs import covering
from pseudohealthy.stages.training import Loss
from pseudohealthy.workflows.experiments.methods import Methods
from pseudohealthy.workflows.experiments.timed import LONG_S, Timed, timed, timed_step
from pseudohealthy.workflows.experiments.trainings import Training, chosen_for
from pseudohealthy.workflows.experiments.unsupervised import recipe_of


@dataclass(frozen=True)
class Work:
    """One kind of training of a plan.

    Attributes:
        rows: Rows of the table that come with it.
        parameters: Of the network that is trained.
        steps: Of one training.
        trainings: How often it is trained: seeds, folds, directions.
        step: What a step takes on this machine.
        scored: Scans that are scored by it.
        scan_s: Seconds that the network takes for a scan on this machine; 0 where none is counted.
    """

    rows: str
    parameters: int
    steps: int
    trainings: int
    step: Timed
    scored: int
    scan_s: float

    @property
    def hours(self) -> float:
        """Of training and scoring."""
        return (self.steps * self.trainings * self.step.seconds + self.scored * self.scan_s) / 3600


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
    lines = [f"{'rows':<44}{'parameters':>12}{'steps':>8}{'times':>7}{'s a step':>10}{'hours':>11}"]
    lines += [
        f"{one.rows:<44}{one.parameters / 1e6:>10.2f} M{one.steps:>8}{one.trainings:>7}"
        f"{one.step.told:>10}{one.hours:>11.2f}"
        for one in work
    ]
    scoring = "training and networks' scoring" if plan.times.scored else "training"
    lines.append(
        f"About {sum(one.hours for one in work):.1f} hours of {scoring}, by a timed step each on this machine "
        "as busy as it is now; reading, measuring and painting scans come on top."
    )
    if not all(one.step.whole for one in work):
        lines[-1] += (
            f" ~: a step takes more than {LONG_S:g} s here, so fewer slices were timed and their time multiplied, "
            "which is right only roughly."
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
    step = timed_step(network, lambda n: train_reconstructor.loss_of(store, _in_batches_of(n, recipe)), settings)

    def call(slices: int) -> None:
        batch = _middle_slices(store, slices)
        network.views(batch.x, generator(0))
        network.anomaly_map(batch.x, batch.mask, generator(0))

    scan_s = _scan_s(call, store) if scored else 0.0
    model = Model(recipe, network, None, Population.of(store.images), 0, {})
    return Work(model.reconstructor_row, _parameters(network), settings.steps, trainings, step, scored, scan_s)


def _stage_2(training: Training, first: Model, recipe: Recipe, store: SliceStore, trainings: int, scored: int) -> Work:
    recipe = chosen_for(training, recipe)
    settings, choice = recipe.segmenter_training, recipe.segmenter
    network = SEGMENTERS[choice.method][1](choice.settings)
    first.reconstructor.to(best_device())
    slab = network.slab
    stores = {"annotated" if training.synthetic == "none" else "healthy": store}
    reference = Reference(first, training.reference)

    def loss_of(batch_size: int) -> Loss:
        smaller = _in_batches_of(batch_size, recipe)
        return train_segmenter.loss_of(train_segmenter.Batches(stores, smaller, slab), reference, smaller)

    step = timed_step(network, loss_of, settings, slab)
    model = replace(first, recipe=recipe, segmenter=network, reference=training.reference)

    def call(slabs: int) -> None:
        x = _middle_slices(store, slabs, slab).x
        network(x, x)

    scan_s = 0.0
    if scored:
        x = _middle_slices(store, 1).x
        views = len(first.reconstructor.views(x, generator(0))) if network.uses_residual else 1
        scan_s = views * _scan_s(call, store, slab)
    return Work(
        f"{model.segmenter_row}, {model.row}", _parameters(network), settings.steps, trainings, step, scored, scan_s
    )


def _in_batches_of(slices: int, recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        reconstructor_training=replace(recipe.reconstructor_training, batch_size=slices),
        segmenter_training=replace(recipe.segmenter_training, batch_size=slices),
    )


def _middle_slices(store: SliceStore, slabs: int, slab: int = 1) -> SliceBatch:
    """The middle slice of the first scan, or the slab in its middle, so often."""
    first = (store.images.shape[1] - slab) // 2
    return store.batch(np.zeros(slabs, np.intp), np.full(slabs, first), slab).to(best_device())


def _scan_s(call: Callable[[int], None], store: SliceStore, slab: int = 1) -> float:
    """Seconds of a scan, whose slices, or slabs, are passed in chunks."""
    together, height = max(1, CHUNK // slab), store.images.shape[1]
    with torch.inference_mode():
        chunk = timed(call, together)
    return chunk.seconds * math.ceil(len(covering(np.ones(height, np.bool_), slab)) / together)


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
