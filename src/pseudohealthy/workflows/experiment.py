"""One complete run of the method on a virtual cohort: simulate, both stages, thresholds, tests."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence

from pseudohealthy.config import MethodChoice
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.stages.calibrate import calibrate
from pseudohealthy.stages.model_folder import Model, save_model
from pseudohealthy.stages.progress import progress
from pseudohealthy.stages.recipe import Recipe, as_yaml, load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import Supervision, train_segmenter
from pseudohealthy.virtual.cohort import simulate
from pseudohealthy.workflows.evaluate_cohort import Evaluation, evaluate_cohort
from pseudohealthy.workflows.plan import Plan


def experiment(run: RunFolder, plan: Plan, seed: int) -> tuple[Evaluation, dict[str, str]]:
    """Run a plan with one seed into `run`: `data/`, `stage-1/`, `stage-2-*/` and `model/`, the first segmenter's.

    Args:
        run: Output folder.
        plan: What to simulate and train.
        seed: Seed of the cohort and of both trainings.

    Returns:
        The test cases, and facts about the run.
    """
    clock = Clock(run)
    recipe = seeded(load_recipe(plan.recipe), seed)
    with progress(run, "simulate", sum(group.n for group in plan.groups)) as advance:
        cohort = simulate(run.path / "data", plan.groups, seed, advance=advance)
    run.record(as_yaml(recipe), cohort, {"cohort": seed, "training": seed})
    clock.lap("simulate")
    healthy = cohort.split("train")
    stage_1 = train_reconstructor(healthy, cohort.split("validation"), recipe, run.inner("stage-1"))
    clock.lap("Stage I")
    models = _stage_2(cohort, stage_1, recipe, plan, run)
    clock.lap("Stage II")
    with progress(run, "calibrate", len(cohort.split("calibration"))) as advance:
        models = calibrate(models, cohort.split("calibration"), advance=advance)
    save_model(models[0], run.path / "model")
    clock.lap("calibrate")
    with progress(run, "evaluate", len(cohort.split("test"))) as advance:
        evaluation = evaluate_cohort(models, cohort.split("test"), advance=advance)
    clock.lap("evaluate")
    facts = {
        "Minutes": ", ".join(f"{phase} {minutes:.1f}" for phase, minutes in clock.minutes.items()),
        "Seed": str(seed),
        **_sizes(models, cohort),
    }
    return evaluation, facts


def _stage_2(cohort: Cohort, stage_1: Model, recipe: Recipe, plan: Plan, run: RunFolder) -> list[Model]:
    """Every segmenter of the plan, then the controls of the first, then its self-supervised variant."""
    annotated = Supervision(Cohort(()), cohort.split("annotated"), cohort.split("calibration").annotated)
    healthy = Supervision(cohort.split("train"), Cohort(()), cohort.split("validation"))
    main = plan.segmenters[0]
    trainings = [(method, "reconstruction", "none") for method in plan.segmenters]
    trainings += [(main, reference, "none") for reference in plan.references]
    trainings += [(main, "reconstruction", plan.synthetic)] if plan.synthetic != "none" else []
    models = []
    for method, reference, synthetic in trainings:
        kind = SEGMENTERS[method][0]
        settings = recipe.segmenter.settings if isinstance(recipe.segmenter.settings, kind) else kind()
        chosen = dataclasses.replace(
            recipe,
            segmenter=MethodChoice(method, settings),
            supervision=dataclasses.replace(recipe.supervision, synthetic=synthetic),
        )
        name = "-".join(part for part in (method, reference, synthetic) if part not in ("reconstruction", "none"))
        scans = annotated if synthetic == "none" else healthy
        models.append(train_segmenter(stage_1, scans, chosen, run.inner(f"stage-2-{name}"), reference=reference))
    return models


def seeded(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with both trainings at a seed."""
    return dataclasses.replace(
        recipe,
        reconstructor_training=dataclasses.replace(recipe.reconstructor_training, seed=seed),
        segmenter_training=dataclasses.replace(recipe.segmenter_training, seed=seed),
    )


def _sizes(models: Sequence[Model], cohort: Cohort) -> Mapping[str, str]:
    """Sizes of the networks and of what they learned from."""
    stage_1 = sum(p.numel() for p in models[0].reconstructor.parameters())
    sizes = {m.recipe.segmenter.method: m.segmenter for m in models if m.segmenter is not None}
    networks = ", ".join(
        f"{name} {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M" for name, network in sizes.items()
    )
    return {
        "Stage I": f"{stage_1 / 1e6:.2f} M parameters, {len(cohort.split('train'))} healthy scans",
        "Stage II": f"{networks} parameters, {len(cohort.split('annotated'))} annotated scans",
    }


class Clock:
    """Minutes of each phase, told as they pass."""

    def __init__(self, run: RunFolder) -> None:
        self._run, self._last = run, time.monotonic()
        self.minutes: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """End a phase."""
        now = time.monotonic()
        self.minutes[phase] = (now - self._last) / 60
        self._last = now
        self._run.log(f"{phase}: {self.minutes[phase]:.1f} minutes")
