"""The whole method on simulated brains: cohort, both stages, thresholds, known and unseen pathology, page."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pseudohealthy.config import MethodChoice
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.stages.calibrate import calibrate
from pseudohealthy.stages.model_folder import Model, save_model
from pseudohealthy.stages.recipe import Recipe, load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import Supervision, train_segmenter
from pseudohealthy.virtual.cohort import Group, simulate
from pseudohealthy.workflows.evaluate_cohort import Evaluation, evaluate_cohort
from pseudohealthy.workflows.results import write_results

KNOWN = ("tumour",)
UNSEEN = ("stroke", "ms", "haemorrhage")

NOTES = (
    "The brains and lesions of this page are simulated, from one template, and the networks were trained for minutes. "
    "It shows that the whole chain works and what each part contributes: where the reconstruction removes a lesion, "
    "what the segmenter adds on the pathology it was shown, and what it misses on the others.",
    "It cannot show how well the method does on patients. All subjects are deformations of one template and so are "
    "less different from each other than people; simulated lesions are cleaner than real ones; a few scans a set leave "
    "wide intervals. Nothing here was tuned on the test scans.",
)


@dataclass(frozen=True)
class Plan:
    """How many scans of each kind, and what is trained on them."""

    groups: tuple[Group, ...]
    recipe: str = "demo"
    controls: bool = False


DEMO = Plan(
    groups=(
        Group("healthy", 24, "train"),
        Group("healthy", 3, "validation"),
        Group("healthy", 9, "calibration"),
        Group("tumour", 10, "annotated"),
        Group("tumour", 3, "calibration"),
        *(Group(pathology, 4, "test") for pathology in ("tumour", "stroke", "ms", "haemorrhage", "healthy", "sham")),
    )
)

SMOKE = Plan(
    groups=(
        Group("healthy", 2, "train"),
        Group("healthy", 1, "validation"),
        Group("healthy", 1, "calibration"),
        Group("tumour", 1, "annotated"),
        Group("tumour", 1, "calibration"),
        *(Group(pathology, 1, "test") for pathology in ("tumour", "stroke", "healthy", "sham")),
    ),
    recipe="smoke",
)


def demo(run: RunFolder, seed: int, plan: Plan = DEMO) -> Evaluation:
    """Run the plan into `run`: `data/`, `stage-1/`, `stage-2*/`, `model/`, `results.json`, `report.html`.

    Args:
        run: Output folder.
        seed: Seed of the cohort and of both trainings.
        plan: What to simulate and train.
    """
    clock = Clock(run)
    cohort = simulate(run.path / "data", plan.groups, seed)
    clock.lap("simulate")
    recipe = seeded(load_recipe(plan.recipe), seed)
    stage_1 = train_reconstructor(cohort.split("train"), cohort.split("validation"), recipe, run.inner("stage-1"))
    clock.lap("Stage I")
    models = stage_2(cohort, stage_1, recipe, run, ("unet_res", "unet"))
    clock.lap("Stage II")
    models = [calibrate(model, cohort.split("calibration")) for model in models]
    save_model(models[0], run.path / "model")
    clock.lap("calibrate")
    evaluation = evaluate_cohort(models, cohort.split("test"))
    clock.lap("evaluate")
    facts = {
        "Minutes": ", ".join(f"{phase} {minutes:.1f}" for phase, minutes in clock.minutes.items()),
        "Seed": str(seed),
        **model_facts(models, cohort),
    }
    write_results(
        run,
        evaluation,
        title="Simulated brains: known and unseen pathology",
        known=KNOWN,
        unseen=UNSEEN,
        facts=facts,
        notes=NOTES,
    )
    return evaluation


def stage_2(
    cohort: Cohort,
    stage_1: Model,
    recipe: Recipe,
    run: RunFolder,
    methods: Sequence[str],
    reference: str = "reconstruction",
) -> list[Model]:
    """A segmenter for each method on the cohort's annotated scans."""
    annotated, validation = cohort.split("annotated"), cohort.split("calibration").annotated
    models = []
    for method in methods:
        suffix = "" if reference == "reconstruction" else f"-{reference}"
        choice = MethodChoice(method, recipe.segmenter.settings)
        models.append(
            train_segmenter(
                stage_1,
                Supervision(healthy=Cohort(()), annotated=annotated, validation=validation),
                dataclasses.replace(recipe, segmenter=choice),
                run.inner(f"stage-2-{method}{suffix}"),
                reference=reference,
            )
        )
    return models


def seeded(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with both trainings at a seed."""
    return dataclasses.replace(
        recipe,
        reconstructor_training=dataclasses.replace(recipe.reconstructor_training, seed=seed),
        segmenter_training=dataclasses.replace(recipe.segmenter_training, seed=seed),
    )


def model_facts(models: Sequence[Model], cohort: Cohort) -> Mapping[str, str]:
    """Sizes of the networks and of what they learned from."""
    stage_1 = sum(p.numel() for p in models[0].reconstructor.parameters())
    sizes = {m.recipe.segmenter.method: m.segmenter for m in models if m.segmenter is not None}
    return {
        "Stage I": f"{stage_1 / 1e6:.2f} M parameters, {len(cohort.split('train'))} healthy scans",
        "Stage II": ", ".join(
            f"{name} {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M" for name, network in sizes.items()
        )
        + f" parameters, {len(cohort.split('annotated'))} annotated scans",
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
