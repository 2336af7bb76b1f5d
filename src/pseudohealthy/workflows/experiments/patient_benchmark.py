"""An experiment on annotated patients: Stage I once a seed, every patient tested once, one table and page."""

from __future__ import annotations

from pathlib import Path

from pseudohealthy.io.cohort import Cohort, read_cohort
from pseudohealthy.stages.progress import progress
from pseudohealthy.stages.recipe import as_yaml as recipe_yaml
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.virtual.cohort import Group, simulate
from pseudohealthy.workflows.experiments.fewer_annotated import refuse_as_many, run_fewer
from pseudohealthy.workflows.experiments.methods import as_yaml
from pseudohealthy.workflows.experiments.one_fold import Direction, is_done, run_fold
from pseudohealthy.workflows.experiments.patient_plan import PatientPlan
from pseudohealthy.workflows.experiments.people import People, each_once
from pseudohealthy.workflows.experiments.people_results import write_people_results
from pseudohealthy.workflows.experiments.trainings import seeded
from pseudohealthy.workflows.experiments.unsupervised import cases_of, recipe_of, run_methods, trained_in

NOTES = (
    "Patients' scans with lesions that people have outlined. Each patient was tested once for each seed, by networks "
    "that had not seen the patient; Stage I has seen healthy scans alone.",
    "A few patients of one dataset say little about another scanner, another age or another pathology; healthy scans "
    "of another scanner than the patients' make a method find the scanner.",
)


def patient_benchmark(run: RunFolder, plan: PatientPlan, data: Path) -> Direction:
    """Run every seed and fold that is not done yet, and write the results after each.

    Args:
        run: Output folder; enter it again to continue.
        plan: Who is in it and what is trained.
        data: Folder that the plan's paths start from.

    Raises:
        ConfigError: The folder holds the results of another plan.
        CohortError: The data cannot be used.
    """
    people = plan.people(data)
    plan.healthy_sides(people, plan.seeds[0])  # too few are refused before every scan is read
    folds = [fold for seed in plan.seeds for fold in plan.patient_sides(people, seed)]
    refuse_as_many(plan.fewer_annotated, folds)
    run.record(as_yaml(plan), (), {f"seed {seed}": seed for seed in plan.seeds}, resume=True)
    people = _each_once(run, people)
    direction = Direction(plan.pathology)
    for seed in plan.seeds:
        of_seed = run.inner(f"seed-{seed}")
        recipe = seeded(load_recipe(plan.recipe), seed)
        recipes = {method: recipe_of(plan, method, seed) for method in plan.unsupervised}
        healthy = Cohort([*plan.healthy_sides(people, seed), *_virtual(of_seed, plan, seed)])
        folds = plan.patient_sides(people, seed)
        patients_of = {case.name: case for fold in folds for case in fold}  # a fold may leave some out
        inputs = Cohort([*healthy, *patients_of.values()])
        of_seed.record(recipe_yaml(recipe), inputs, {"folds": seed, "training": seed}, resume=True)
        for number, patients in enumerate(folds):
            inner, cohort = of_seed.inner(f"fold-{number}"), Cohort([*healthy, *patients])
            anew = not is_done(inner)
            if anew:
                run_fold(
                    *(inner, cohort, recipe, plan.trainings),
                    stage_1_in=of_seed,
                    unannotated_in=of_seed,
                )
            name = f"Seed {seed}, fold {number}"
            direction.add(inner, name)
            if plan.fewer_annotated:
                direction.fewer += run_fewer(
                    *(inner, cohort, recipe, plan.trainings[0], plan.fewer_annotated), stage_1_in=of_seed
                )
            if recipes:
                run_methods(inner, cohort, recipes, stage_1_in=of_seed)
                direction.cases += cases_of(inner, plan, name)
                direction.trained += trained_in(plan, of_seed.path, inner.path, of_seed.path)
            whole = (seed, number) == (plan.seeds[-1], len(folds) - 1)
            if anew or whole or recipes or plan.fewer_annotated:  # what is done is pooled once
                write_people_results(
                    run, direction, list(plan.others), same_people=False, title=plan.title, notes=NOTES
                )
    return direction


def _each_once(run: RunFolder, people: People) -> People:
    """The people without scans that are there twice, which are told."""
    with progress(run, "compare", len(people)) as advance:
        kept, left_out = each_once(people, advance)
    for sentence in left_out:
        run.log(sentence)
    return kept


def _virtual(run: RunFolder, plan: PatientPlan, seed: int) -> Cohort:
    """Virtual brains for Stage I; made once a seed."""
    if not plan.virtual:
        return Cohort(())
    folder = run.path / "data"
    if (folder / "cohort.tsv").is_file():
        return read_cohort(folder / "cohort.tsv")
    with progress(run, "simulate", plan.virtual) as advance:
        return simulate(folder, [Group("healthy", plan.virtual, "train")], seed, advance=advance)
