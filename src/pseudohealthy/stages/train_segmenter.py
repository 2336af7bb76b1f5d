"""Stage II: train a segmenter on scans and what the frozen reconstructor makes of them."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.data.augment import augment
from pseudohealthy.data.slices import EVERY, Sampler, SliceBatch, SliceStore, fixed_slices, generator
from pseudohealthy.models.segmenters import SEGMENTERS, Segmenter
from pseudohealthy.stages.layout import as_stored, channels_last
from pseudohealthy.stages.looks import watch_segmenter
from pseudohealthy.stages.model_folder import Model, save_trained
from pseudohealthy.stages.processes import ALONE, Processes
from pseudohealthy.stages.processor import best_device
from pseudohealthy.stages.recipe import Recipe, as_yaml, refuse_uneven
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.stored import stored
from pseudohealthy.stages.supervision import Supervision, refuse_scans, refuse_stage_2, refuse_unmarked_slabs
from pseudohealthy.stages.training import Loss, fit
from pseudohealthy.stages.untrained import UNTRAINED, untrained_loss
from pseudohealthy.stages.watching import Watch

VALIDATION_SLICES = 48
CHUNK = 16


def train_segmenter(
    stage_1: Model,
    scans: Supervision,
    recipe: Recipe,
    run: RunFolder,
    *,
    reference: str = "reconstruction",
    resume: bool = False,
    processes: Processes = ALONE,
    watch: Watch | None = None,
) -> Model:
    """Train Stage II on a frozen reconstructor and write `RUN/model`.

    Args:
        stage_1: Model folder of Stage I; grid, space and reconstructor are taken from it.
        scans: What to learn from.
        recipe: Segmenter, its optimisation, supervision, augmentation, score and calibration.
        run: Where everything goes.
        reference: What stands for x^: `reconstruction`, or, as a control, `input` or `population`.
        resume: Continue a killed training.
        processes: Who trains; each calls this function.
        watch: Who watches.

    Raises:
        CohortError: Nothing to learn from, or annotated scans without lesions.
        ConfigError: The segmenter sees slabs that do not fit into the batch, or on which something would be painted;
            the share of synthetic slices leaves no slice of a kind; the precision is not one of this processor; or the
            training diverged.
        LeakError: A subject is on two sides, or Stage I has learned from an annotated one.
        ModelFolderError: Stage I reconstructs nothing.
    """
    recipe = dataclasses.replace(
        recipe, grid=stage_1.recipe.grid, space=stage_1.recipe.space, reconstructor=stage_1.recipe.reconstructor
    )
    refuse_uneven("segmenter.settings", recipe.segmenter.settings, recipe.grid)
    painting = refuse_scans(scans, stage_1, recipe.supervision.synthetic)
    settings, method = recipe.segmenter_training, recipe.segmenter
    parts = processes.count * settings.accumulate
    refuse_stage_2(recipe, painting=painting, annotated=bool(len(scans.annotated)), reference=reference, parts=parts)
    torch.manual_seed(settings.seed)  # initial weights: PyTorch's layers take no generator
    network = SEGMENTERS[method.method][1](method.settings)
    if network.slab > 1:
        refuse_unmarked_slabs(scans.validation)
    cohorts = {"healthy": scans.healthy, "annotated": scans.annotated, "validation": scans.validation}
    every = [case for cohort in cohorts.values() for case in cohort]
    inputs = run.record(
        as_yaml(recipe), every, {"segmenter_training": settings.seed, "model": stage_1.seed}, resume=resume
    )
    run.log("preparing " + ", ".join(f"{len(cohort)} {role}" for role, cohort in cohorts.items()) + " scans")
    stores = {
        role: stored(cohort, run.path / "slices" / role, recipe, processes)
        for role, cohort in cohorts.items()
        if len(cohort)
    }
    device = best_device()
    channels_last(stage_1.reconstructor.to(device))
    run.log(f"{method.method}: {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters")
    references = Reference(stage_1, reference)
    batches = Batches(stores, recipe, network.slab)
    held_out = _validation_batch(stores["validation"], recipe, settings.seed, network.slab)
    checks = Validation(held_out, references, settings.seed, recipe.score.segmented)
    untrained = untrained_loss(network, checks, settings.steps, run)
    watching = watch_segmenter(watch, method.method, settings, checks.slices, references, network.slab)
    loss = loss_of(batches, references, recipe)
    fit(network, loss, checks, settings, run, resume=resume, processes=processes, watching=watching)
    as_stored(stage_1.reconstructor.to("cpu"))
    network.requires_grad_(False)
    model = dataclasses.replace(
        stage_1,
        recipe=recipe,
        segmenter=network,
        reference=reference,
        trained_on={**stage_1.trained_on, **_learned_from(scans, inputs)},
        calibration={},
        calibrated_on=(),
        metrics={
            **stage_1.metrics,
            **{f"segmenter_{key}": value for key, value in {**checks(network), UNTRAINED: untrained}.items()},
        },
    )
    if run.leads:
        save_trained(model, run.path / "model")
        shutil.rmtree(run.path / "slices")
    run.log(f"model written to {run.path / 'model'}")
    return model


class Batches:
    """Training batches: annotated slices, healthy slices with painted anomalies, or both mixed.

    Args:
        stores: The scans, by their role.
        recipe: Size of a batch, and what is in it.
        slab: Neighbouring slices that are drawn and changed as one sample.
    """

    def __init__(self, stores: dict[str, SliceStore], recipe: Recipe, slab: int = 1) -> None:
        s, size = recipe.supervision, recipe.segmenter_training.batch_size
        painting = "healthy" in stores and s.synthetic in ANOMALIES
        share = s.synthetic_share if "annotated" in stores else 1.0
        self.synthetic = round(size * share) if painting else 0
        self.annotated = size - self.synthetic
        seed, self.slab = recipe.segmenter_training.seed, slab
        self._paint = ANOMALIES[s.synthetic] if painting else None
        self._healthy = Sampler(stores["healthy"], seed) if painting else None
        ill = stores.get("annotated")
        self._ill = None if ill is None else Sampler(ill, seed, s.lesion_slice_share, slab)

    def draw(self, step: int, rng: torch.Generator) -> SliceBatch:
        """The slices of a step."""
        parts = []
        if self._healthy is not None and self._paint is not None and self.synthetic:
            healthy = self._healthy.draw(step, self.synthetic)
            x, label = self._paint(healthy.x, healthy.mask, rng)
            parts.append(dataclasses.replace(healthy, x=x, lesion=label))
        if self._ill is not None and self.annotated:
            parts.append(self._ill.draw(step, self.annotated))
        return SliceBatch(
            *(torch.cat([getattr(part, f.name) for part in parts]) for f in dataclasses.fields(SliceBatch))
        )


def loss_of(batches: Batches, references: Reference, recipe: Recipe) -> Loss:
    """The segmenter's loss over the slice, with t drawn for each slice. Ignored pixels add nothing."""
    seed = recipe.segmenter_training.seed

    def loss(network: nn.Module, step: int, rows: slice = EVERY) -> Tensor:
        rng = generator(seed, step, "segmenter")
        batch = batches.draw(step, rng).to(next(network.parameters()).device)
        both = torch.cat((batch.lesion, batch.ignored.to(batch.lesion.dtype)), dim=1)
        x, mask, labels = augment(batch.x, batch.mask, both, recipe.augment, rng, batches.slab)
        label, ignored = torch.split(cast(Tensor, labels), 1, dim=1)
        batch = dataclasses.replace(batch, x=x, mask=mask)
        segmenter = cast(Segmenter, network)
        residual = x[rows] - references.draw(batch, rng, rows) if segmenter.uses_residual else None
        return segmenter.loss(x[rows], residual, label[rows], 1 - ignored[rows])

    return loss


class Validation:
    """Cross-entropy and Dice at one half, pooled, on fixed slices: of the map that prediction will show.

    Args:
        slices: What to validate on.
        references: Where x^ comes from, at every t of test time.
        seed: Of the noise.
        segmented: `each` x^, and probabilities are averaged, or their `mean`: see `ScoreSettings`.
    """

    def __init__(self, slices: SliceBatch, references: Reference, seed: int, segmented: str) -> None:
        self.slices, self.references, self.seed, self.segmented = slices, references, seed, segmented

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Metrics of the network as it is."""
        segmenter = cast(Segmenter, network)
        device = next(network.parameters()).device
        logits, together = [], max(1, CHUNK // segmenter.slab) * segmenter.slab
        with torch.inference_mode():
            for start in range(0, len(self.slices.x), together):
                stop = start + together
                part = SliceBatch(
                    *(getattr(self.slices, f.name)[start:stop] for f in dataclasses.fields(SliceBatch))
                ).to(device)
                logits.append(self._logits(segmenter, part).cpu().float())
        every = torch.cat(logits, dim=1)
        # Logarithms of the mean probability and of what it lacks to 1: exact also where sigmoids are 0 or 1.
        log_of, log_rest = (functional.logsigmoid(z).logsumexp(0) - math.log(len(z)) for z in (every, -every))
        loss = -(self.slices.lesion * log_of + (1 - self.slices.lesion) * log_rest)[~self.slices.ignored].sum()
        return {"val_loss": float(loss) / log_of.numel(), "val_dice": pooled_dice(log_of.exp(), self.slices)}

    def _logits(self, segmenter: Segmenter, part: SliceBatch) -> Tensor:
        """Logits for each reconstruction, or for the mean of all: (view, slice, 1, y, x)."""
        if not segmenter.uses_residual:
            logits: Tensor = segmenter(part.x, None)
            return logits[None]
        views = self.references.views(part, generator(self.seed, "val"))
        if self.segmented == "mean":
            views = views.mean(dim=0, keepdim=True)
        return segmenter.views(part.x, part.x - views)


def pooled_dice(probability: Tensor, slices: SliceBatch) -> float:
    """Dice of all validation pixels together at the threshold 0.5."""
    predicted, truth = (probability > 0.5) & slices.mask & ~slices.ignored, slices.lesion > 0.5
    total = int(predicted.sum() + truth.sum())
    return 2 * int((predicted & truth).sum()) / total if total else 0.0


def _validation_batch(store: SliceStore, recipe: Recipe, seed: int, slab: int) -> SliceBatch:
    if slab > 1 or bool(store.lesions.any()):
        return fixed_slices(store, VALIDATION_SLICES, lesioned=True, slab=slab)
    slices = fixed_slices(store, VALIDATION_SLICES)
    paint = ANOMALIES.get(recipe.supervision.synthetic, ANOMALIES["blobs"])
    x, label = paint(slices.x, slices.mask, generator(seed, "validation lesions"))
    return dataclasses.replace(slices, x=x, lesion=label)


def _learned_from(scans: Supervision, inputs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Stage II's part of `trained_on`; scans that were painted on may be others than those of Stage I."""
    learned = {"segmenter": scans.annotated, "painted": scans.healthy}
    return {
        role: {case.name: inputs[case.name] for case in cohort}
        for role, cohort in learned.items()
        if role == "segmenter" or len(cohort)
    }
