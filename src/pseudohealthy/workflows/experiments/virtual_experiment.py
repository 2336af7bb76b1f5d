"""One complete run of the method on a virtual cohort: simulate, both stages, thresholds, tests."""

from __future__ import annotations

from pseudohealthy.io.cohort import Cohort, read_cohort
from pseudohealthy.stages.progress import progress
from pseudohealthy.stages.recipe import as_yaml, load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.virtual.cohort import simulate
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.experiments.phases import Clock, calibrate_and_test, sizes
from pseudohealthy.workflows.experiments.trainings import seeded, stage_1, stage_2
from pseudohealthy.workflows.experiments.virtual_plan import VirtualPlan


def experiment(
    run: RunFolder, plan: VirtualPlan, seed: int, *, resume: bool = False
) -> tuple[Evaluation, dict[str, str]]:
    """Run a plan with one seed into `run`: `data/`, `stage-1/`, `stage-2-*/` and `model/`, the first segmenter's.

    Args:
        run: Output folder.
        plan: What to simulate and train.
        seed: Seed of the cohort and of both trainings.
        resume: Go on with what a killed run has left in the folder.

    Returns:
        The test cases, and facts about the run.
    """
    clock = Clock(run)
    recipe = seeded(load_recipe(plan.recipe), seed)
    cohort = _simulated(run, plan, seed, resume=resume)
    run.record(as_yaml(recipe), cohort, {"cohort": seed, "training": seed})
    clock.lap("simulate")
    first = stage_1(cohort, recipe, run, resume=resume)
    clock.lap("Stage I")
    models = [stage_2(training, cohort, first, recipe, run, resume=resume) for training in plan.trainings]
    clock.lap("Stage II")
    evaluation = calibrate_and_test(run, models, cohort, clock)
    return evaluation, {"Minutes": clock.told, "Seed": str(seed), **sizes(models, cohort)}


def _simulated(run: RunFolder, plan: VirtualPlan, seed: int, *, resume: bool) -> Cohort:
    folder = run.path / "data"
    if resume and (folder / "participants.tsv").is_file():  # written last
        return read_cohort(folder / "cohort.tsv")
    with progress(run, "simulate", sum(group.n for group in plan.groups)) as advance:
        return simulate(folder, plan.groups, seed, plan.spacing_mm, advance)
