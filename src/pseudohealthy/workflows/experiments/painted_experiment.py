"""The method on people with painted lesions: every person tested once, one direction for each annotated pathology."""

from __future__ import annotations

from pathlib import Path

from pseudohealthy.io.cohort import Cohort, read_cohort
from pseudohealthy.stages.progress import progress
from pseudohealthy.stages.recipe import as_yaml, load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.virtual.painted_cohort import paint_cohort
from pseudohealthy.workflows.experiments.fewer_annotated import run_fewer
from pseudohealthy.workflows.experiments.folds import cohort_of, sides, wanted
from pseudohealthy.workflows.experiments.one_fold import Direction, is_done, run_fold
from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
from pseudohealthy.workflows.experiments.trainings import seeded
from pseudohealthy.workflows.experiments.unsupervised import cases_of, recipe_of, run_methods, trained_in


class PaintedRun:
    """A plan with one seed: the painted scans, and who is on which side in each fold.

    Args:
        run: Output folder: `data/`, `fold-N/stage-1/`, `fold-N/DIRECTION/` with its models and `cases.tsv`.
        plan: What to paint and train.
        data: Folder that the plan's paths start from.
        seed: Seed of the lesions, the folds and the trainings.

    Attributes:
        painted: Every painted scan.
    """

    def __init__(self, run: RunFolder, plan: PaintedPlan, data: Path, seed: int) -> None:
        self._run, self._plan, self._seed = run, plan, seed
        self._recipe = seeded(load_recipe(plan.recipe), seed)
        self._recipes = {method: recipe_of(plan, method, seed) for method in plan.unsupervised}
        self.painted = _painted(run, plan, data, seed)
        seeds = {"lesions": seed, "folds": seed, "training": seed}
        run.record(as_yaml(self._recipe), self.painted, seeds, resume=True)
        people = Cohort(case for case in self.painted if case.pathology == "healthy")
        host_of = {case.name: case.columns["host"] for case in people}
        self._sides = [
            {host_of[name]: split for name, split in side_of.items()} for side_of in sides(plan, people, seed)
        ]

    def fold(self, number: int, direction: Direction) -> bool:
        """Train and test one fold of a direction, unless an earlier run has, and add what it found.

        Args:
            number: Which fold.
            direction: Gets its cases, pictures and facts.

        Returns:
            Whether something may be new in it.
        """
        fold = self._run.inner(f"fold-{number}")
        inner = fold.inner(direction.annotated)
        cohort = cohort_of(self._plan, self.painted, self._sides[number], direction.annotated)
        anew = not is_done(inner)
        if anew:
            run_fold(
                *(inner, cohort, self._recipe, self._plan.trainings),
                prefix=f"{self._seed}/",  # another seed paints other lesions on the same person
                stage_1_in=fold,
                unannotated_in=fold,  # the same in every direction
            )
        name = f"Seed {self._seed}, fold {number}"
        direction.add(inner, name)
        if self._plan.fewer_annotated:
            direction.fewer += run_fewer(
                *(inner, cohort, self._recipe, self._plan.trainings[0], self._plan.fewer_annotated),
                prefix=f"{self._seed}/",
                stage_1_in=fold,
            )
        if self._recipes:
            run_methods(inner, cohort, self._recipes, prefix=f"{self._seed}/", stage_1_in=fold)
            direction.cases += cases_of(inner, self._plan, name)
            direction.trained += trained_in(self._plan, fold.path, inner.path, fold.path)
        return anew or bool(self._plan.fewer_annotated or self._recipes)


def _painted(run: RunFolder, plan: PaintedPlan, data: Path, seed: int) -> Cohort:
    folder = run.path / "data"
    if (folder / "cohort.tsv").is_file():
        return _of_plan(read_cohort(folder / "cohort.tsv"), plan)
    hosts = plan.people(data)
    scans = wanted(plan, [host.name for host in hosts])
    with progress(run, "paint", len(scans)) as advance:
        return paint_cohort(
            folder, hosts, scans, seed, plan.spacing_mm, plan.mask_folders(data), advance, plan.without_masks
        )


def _of_plan(painted: Cohort, plan: PaintedPlan) -> Cohort:
    """The scans that the plan wants: a run with more directions, from which they were taken, has painted others too."""
    names = {one.name() for one in wanted(plan, list(dict.fromkeys(case.columns["host"] for case in painted)))}
    return Cohort(case for case in painted if case.name in names)
