"""Stage II: train a segmenter on scans and what the frozen reconstructor makes of them."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.data.augment import augment
from pseudohealthy.data.slices import EVERY, Sampler, SliceBatch, SliceStore, fixed_slices, generator
from pseudohealthy.errors import CohortError, ConfigError, ModelFolderError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.splits import refuse_leaks
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.segmenters import SEGMENTERS, Segmenter
from pseudohealthy.stages.layout import as_stored, channels_last
from pseudohealthy.stages.looks import watch_segmenter
from pseudohealthy.stages.model_folder import Model, save_trained
from pseudohealthy.stages.processes import ALONE, Processes
from pseudohealthy.stages.recipe import Recipe, as_yaml, refuse_uneven
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.refuse import refuse_seen, refuse_unmasked
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.slabs import refuse_slabs, slab_of
from pseudohealthy.stages.stored import stored
from pseudohealthy.stages.training import Loss, best_device, fit, refuse_training_precision
from pseudohealthy.stages.untrained import UNTRAINED, untrained_loss
from pseudohealthy.stages.watching import Watch

VALIDATION_SLICES = 48
CHUNK = 16


@dataclass(frozen=True)
class Supervision:
    """The scans that Stage II learns from; either may be empty, not both.

    Attributes:
        healthy: Scans that synthetic anomalies are painted on (they may be those of Stage I).
        annotated: Scans with lesion masks, of subjects that Stage I has not seen.
        validation: Scans of other subjects, annotated ones or healthy ones to paint on.
    """

    healthy: Cohort
    annotated: Cohort
    validation: Cohort


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
    if recipe.supervision.synthetic != "none" and not len(scans.healthy):
        raise CohortError(
            f"supervision.synthetic {recipe.supervision.synthetic}",
            found="no healthy scan to paint on",
            needed="healthy scans in split 'train'",
            fix="Mark them with 'train' in the split column of the cohort table, or give --synthetic none.",
        )
    synthetic = ANOMALIES.get(recipe.supervision.synthetic) if len(scans.healthy) else None
    _refuse(scans, stage_1, synthetic is not None)
    settings, method = recipe.segmenter_training, recipe.segmenter
    parts = processes.count * settings.accumulate
    refuse_stage_2(
        recipe, painting=synthetic is not None, annotated=bool(len(scans.annotated)), reference=reference, parts=parts
    )
    torch.manual_seed(settings.seed)  # initial weights: PyTorch's layers take no generator
    network = SEGMENTERS[method.method][1](method.settings)
    if network.slab > 1:
        _refuse_unmarked(scans.validation)
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


def refuse_stage_2(
    recipe: Recipe, *, painting: bool, annotated: bool, reference: str = "reconstruction", parts: int = 1
) -> None:
    """Refuse what no Stage II can be trained with, whatever the scans: before Stage I is trained for it.

    Args:
        recipe: Of both stages.
        painting: Whether synthetic anomalies will be painted.
        annotated: Whether there are annotated scans.
        reference: See `train_segmenter`.
        parts: See `refuse_slabs`.

    Raises:
        ConfigError: See `train_segmenter`.
        ModelFolderError: Stage I reconstructs nothing.
    """
    network = RECONSTRUCTORS[recipe.reconstructor.method][1]
    if reference == "reconstruction" and not getattr(network, "reconstructs", True):  # typed as what makes one
        raise ModelFolderError(
            f"reconstructor {recipe.reconstructor.method}",
            found="a method that reconstructs nothing",
            needed="a pseudo-healthy reconstruction, which Stage II compares the scan with",
            fix="Train Stage I with another method, such as cddpm.",
        )
    refuse_training_precision(recipe.segmenter_training)
    refuse_slabs(slab_of(recipe), recipe, painting=painting, parts=parts)
    share, size = recipe.supervision.synthetic_share, recipe.segmenter_training.batch_size
    if painting and annotated and share < 1 and not 0 < round(size * share) < size:
        raise ConfigError(
            f"supervision.synthetic_share {share:g}",
            found=f"{round(size * share)} synthetic slices in a batch of {size}, beside annotated scans",
            needed="at least one of each kind",
            fix=(f"Give a share from {1 / size:g} to {1 - 1 / size:g}" if size > 1 else "Give a batch of 2 or more")
            + ", a share of 1 to learn from synthetic anomalies alone, or --synthetic none for annotated scans alone.",
        )


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


def _refuse_unmarked(validation: Cohort) -> None:
    """A network of slabs is validated on lesions: blobs are painted slice by slice."""
    if not len(validation.annotated):
        raise CohortError(
            "validation scans of Stage II",
            found="no lesion mask",
            needed="annotated scans, where the segmenter sees slabs: on slabs nothing is painted",
            fix="Mark annotated scans with 'validation' in the split column of the cohort table.",
        )


def _refuse(scans: Supervision, stage_1: Model, painting: bool) -> None:
    if not len(scans.annotated) and not painting:
        raise CohortError(
            "training scans of Stage II",
            found="no annotated scans and no synthetic anomalies",
            needed="lesion masks, or '--synthetic draem' with healthy scans",
            fix="Add lesion masks to the cohort, or choose a generator.",
        )
    if not len(scans.validation):
        raise CohortError(
            "validation scans of Stage II",
            found="none",
            needed="at least one, annotated or healthy",
            fix="Mark scans with 'validation' in the split column of the cohort table.",
        )
    bare = [case.name for case in scans.annotated if case.lesion_mask is None]
    if bare:
        raise CohortError(
            "annotated scans", found=f"no lesion mask for {', '.join(bare)}", needed="one a scan", fix="Add the masks."
        )
    refuse_unmasked(scans.healthy, "healthy scans of Stage II")
    refuse_unmasked(scans.validation, "validation scans of Stage II")
    refuse_seen(scans.annotated, stage_1, "annotated scans", ("reconstructor",))
    sides = {"annotated": scans.annotated, "validation": scans.validation}
    refuse_leaks({role: cohort for role, cohort in sides.items() if len(cohort)})
    if len(scans.healthy):
        refuse_leaks({"healthy": scans.healthy, "validation": scans.validation})
