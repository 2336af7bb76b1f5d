"""Stage I: train a reconstructor on healthy scans alone."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from pseudohealthy.data.augment import augment
from pseudohealthy.data.blobs import BlobAnomaly
from pseudohealthy.data.slices import EVERY, Sampler, SliceBatch, SliceStore, fixed_slices, generator
from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.splits import refuse_leaks
from pseudohealthy.models.population import Population
from pseudohealthy.models.reconstructors import RECONSTRUCTORS, Reconstructor
from pseudohealthy.stages.looks import watch_reconstructor
from pseudohealthy.stages.model_folder import Model, save_trained
from pseudohealthy.stages.pretrained import give_pretrained
from pseudohealthy.stages.processes import ALONE, Processes
from pseudohealthy.stages.processor import refuse_training_precision
from pseudohealthy.stages.recipe import Recipe, as_yaml
from pseudohealthy.stages.refuse import refuse_unmasked
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.stored import stored
from pseudohealthy.stages.training import Loss, fit
from pseudohealthy.stages.untrained import UNTRAINED, untrained_loss
from pseudohealthy.stages.watching import Watch

VALIDATION_SLICES = 48
CHUNK = 16


def train_reconstructor(
    healthy: Cohort,
    validation: Cohort,
    recipe: Recipe,
    run: RunFolder,
    *,
    resume: bool = False,
    processes: Processes = ALONE,
    watch: Watch | None = None,
) -> Model:
    """Train Stage I and write `RUN/model`.

    Args:
        healthy: Scans without lesions.
        validation: Healthy scans of other subjects.
        recipe: What to train and how.
        run: Where everything goes.
        resume: Continue a killed training.
        processes: Who trains; each calls this function.
        watch: Who watches.

    Raises:
        CohortError: A cohort is empty, a training scan has a lesion mask with a lesion in it, or a patient has none.
        ConfigError: The precision is not one of this processor, or the training diverged.
        LeakError: A subject is on both sides.
    """
    _refuse_empty(healthy, "training", "train")
    _refuse_empty(validation, "validation", "validation")
    refuse_unmasked(healthy, "training scans of Stage I")
    refuse_unmasked(validation, "validation scans of Stage I")
    refuse_leaks({"train": healthy, "validation": validation})
    settings = recipe.reconstructor_training
    refuse_training_precision(settings)
    inputs = run.record(
        as_yaml(recipe), (*healthy, *validation), {"reconstructor_training": settings.seed}, resume=resume
    )
    run.log(f"preparing {len(healthy)} training and {len(validation)} validation scans")
    store = stored(healthy, run.path / "slices" / "train", recipe, processes)
    held_out = stored(validation, run.path / "slices" / "validation", recipe, processes)
    _refuse_lesions(store, healthy)

    torch.manual_seed(settings.seed)  # initial weights: PyTorch's layers take no generator
    method = recipe.reconstructor
    network = RECONSTRUCTORS[method.method][1](method.settings)
    if (given := give_pretrained(network, method.settings)) is not None:
        run.log(given)
    run.log(f"{method.method}: {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters")
    checks = Validation(fixed_slices(held_out, VALIDATION_SLICES), settings.seed)
    untrained = untrained_loss(network, checks, settings.steps, run)
    _pretrain(network, store, held_out, recipe, run, resume=resume, processes=processes)
    watching = watch_reconstructor(
        watch, network, method.method, settings, checks.slices, (checks.painted, checks.paint)
    )
    loss = loss_of(store, recipe)
    fit(network, loss, checks, settings, run, resume=resume, processes=processes, watching=watching)
    network.requires_grad_(False)
    model = Model(
        recipe=recipe,
        reconstructor=network,
        segmenter=None,
        population=Population.of(store.images),
        seed=settings.seed,
        trained_on={"reconstructor": {case.name: inputs[case.name] for case in healthy}},
        metrics={**checks(network), UNTRAINED: untrained},
    )
    if run.leads:
        save_trained(model, run.path / "model")
        shutil.rmtree(run.path / "slices")
    run.log(f"model written to {run.path / 'model'}")
    return model


def _pretrain(
    network: Reconstructor,
    store: SliceStore,
    held_out: SliceStore,
    recipe: Recipe,
    run: RunFolder,
    *,
    resume: bool,
    processes: Processes,
) -> None:
    """The training that comes before, where the method has one: in a folder of its own, resumed like any other."""
    planned = network.pretraining()
    if planned is None:
        return
    pupil, steps = planned
    settings = dataclasses.replace(recipe.reconstructor_training, steps=steps)
    slices = fixed_slices(held_out, VALIDATION_SLICES)

    def checks(trained: nn.Module) -> dict[str, float]:
        device = next(trained.parameters()).device
        with torch.inference_mode():
            return {"val_loss": mean_loss(cast(Reconstructor, trained).loss, slices, settings.seed, device) or 0.0}

    run.log(f"pre-training: {steps} steps")
    loss, inner = loss_of(store, recipe, "pretraining"), run.inner("pretraining")
    fit(pupil, loss, checks, settings, inner, resume=resume, processes=processes)
    network.train()


def loss_of(store: SliceStore, recipe: Recipe, role: str = "reconstructor") -> Loss:
    """The training loss as a function of the step alone; `role` tells its random numbers from others'.

    A closure, so that Lightning's weight averaging, which copies the module, does not copy the data.
    """
    settings = recipe.reconstructor_training
    sampler = Sampler(store, settings.seed)

    def loss(network: nn.Module, step: int, rows: slice = EVERY) -> Tensor:
        device = next(network.parameters()).device
        rng = generator(settings.seed, step, role)
        batch = sampler.draw(step, settings.batch_size).to(device)
        x, _, _ = augment(batch.x, batch.mask, None, recipe.augment, rng)
        reconstructor = cast(Reconstructor, network)
        return reconstructor.loss(x, rng) if rows == EVERY else reconstructor.loss(x, rng, rows)

    return loss


class Validation:
    """Errors on fixed slices with fixed noise and t.

    `val_loss` is the L1 in the brain of healthy slices, or the method's own `validation_loss`. The L1 says nothing
    about lesions, for a network that copies its input has the lowest; so slices with painted blobs are reconstructed
    too: `val_lesion_error` is the L1 between the painted slice and its reconstruction inside the paint, which must stay
    high, and `val_healing_error` that between the slice before painting and the reconstruction, which must fall. Both
    are left out for methods that reconstruct nothing.
    """

    def __init__(self, slices: SliceBatch, seed: int) -> None:
        self.slices, self.seed = slices, seed
        painted = BlobAnomaly(probability=1.0)(slices.x, slices.mask, generator(seed, "validation lesions"))
        self.painted, self.paint = painted[0], painted[1].bool()

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Metrics of the network as it is."""
        reconstruct = cast(Reconstructor, network).reconstruct
        device = next(network.parameters()).device

        def reconstructed(x: Tensor) -> Tensor:
            parts = [x[start : start + CHUNK] for start in range(0, len(x), CHUNK)]
            return torch.cat(
                [reconstruct(part.to(device), generator(self.seed, "val")).cpu().float() for part in parts]
            )

        with torch.inference_mode():
            of_healthy, of_painted = reconstructed(self.slices.x), reconstructed(self.painted)
            own = mean_loss(cast(Reconstructor, network).validation_loss, self.slices, self.seed, device)
        error = mean_in(of_healthy - self.slices.x, self.slices.mask) if own is None else own
        if not cast(Reconstructor, network).reconstructs:
            return {"val_loss": error}
        return {
            "val_loss": error,
            "val_lesion_error": mean_in(of_painted - self.painted, self.paint),
            "val_healing_error": mean_in(of_painted - self.slices.x, self.paint),
        }


def mean_loss(
    loss: Callable[[Tensor, torch.Generator], Tensor | None], slices: SliceBatch, seed: int, device: torch.device
) -> float | None:
    """Mean of a loss over fixed slices with fixed random numbers; None where there is no such loss."""
    total = 0.0
    for start in range(0, len(slices.x), CHUNK):
        part = slices.x[start : start + CHUNK].to(device)
        value = loss(part, generator(seed, "val", start))
        if value is None:
            return None
        total += float(value) * len(part)
    return total / len(slices.x)


def mean_in(error: Tensor, where: Tensor) -> float:
    """Mean absolute error where a mask is set; 0 where it is empty."""
    return float(error[where].abs().mean()) if bool(where.any()) else 0.0


def validation_of(cohort: Cohort) -> Cohort:
    """The scans of the split `validation` that Stage I is validated on: those without a lesion mask.

    Raises:
        CohortError: There are scans, and each has one.
    """
    held_out = cohort.split("validation")
    if len(held_out) and not len(held_out.healthy):
        raise CohortError(
            "validation scans of Stage I",
            found="no scan without a lesion mask",
            needed="at least one; a scan with an empty mask is not taken",
            fix="Leave the column 'lesion_mask' of a healthy scan empty, or give another healthy scan this split.",
        )
    return held_out.healthy


def _refuse_empty(cohort: Cohort, role: str, split: str) -> None:
    if len(cohort) == 0:
        raise CohortError(
            f"{role} scans",
            found="none",
            needed="at least one",
            fix=f"Check the folder, or the 'split' column of its cohort table ('{split}').",
        )


def _refuse_lesions(store: SliceStore, cohort: Cohort) -> None:
    ill = [case.name for row, case in enumerate(cohort) if store.lesions[row].any() or store.ignored[row].any()]
    if ill:
        raise CohortError(
            "training scans of Stage I",
            found=f"lesions in {', '.join(ill)}",
            needed="healthy scans alone",
            fix="Give annotated scans to 'train segmenter'.",
        )
