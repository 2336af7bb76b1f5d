"""The methods of Stage I beside the recipe's own: each is trained, calibrated and tested alone, one after the other.

The protocol is that of the other rows: the same scans on the same sides, the same grid, score and thresholds. One
method's tables lie in a folder of its own, so that a run that was killed goes on with the method that it was at.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from pseudohealthy.errors import ConfigError
from pseudohealthy.evaluate.table import CaseResult, read_cases, scored_by, write_cases
from pseudohealthy.evaluate.trained import Trained
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import write_json
from pseudohealthy.stages.recipe import Recipe, as_yaml, load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.experiments.methods import Methods
from pseudohealthy.workflows.experiments.phases import Clock, calibrate_and_test
from pseudohealthy.workflows.experiments.read_trained import trained_rows
from pseudohealthy.workflows.experiments.trainings import STAGE_1, seeded, stage_1

FOLDER = "methods"
DONE = "facts.json"


def recipe_of(plan: Methods, method: str, seed: int) -> Recipe:
    """The plan's recipe with another Stage I, and the keys that the plan changes for it.

    Raises:
        ConfigError: It is the recipe's own method, or a key or value is refused.
    """
    own = load_recipe(plan.recipe)
    if method == own.reconstructor.method:
        raise ConfigError(
            f"unsupervised: {method}",
            found=f"the method of the recipe '{plan.recipe}', which is trained anyway",
            needed="other methods",
            fix=f"Leave {method} out.",
        )
    keys = {"reconstructor": {"method": method}, **plan.methods.get(method, {})}
    return seeded(load_recipe(plan.recipe, [f"{key}={json.dumps(value)}" for key, value in keys.items()]), seed)


def folder_of(method: str) -> str:
    """Where a method's training lies, beside that of the recipe's own Stage I."""
    return f"{STAGE_1}-{method}"


def run_methods(
    run: RunFolder, cohort: Cohort, recipes: Mapping[str, Recipe], *, prefix: str = "", stage_1_in: RunFolder
) -> None:
    """Train, calibrate and test each method that is not done; at no time two of them are in memory.

    Args:
        run: `methods/METHOD/` in it gets `model/`, `cases.tsv` and, last, `facts.json`.
        cohort: Scans with their split.
        recipes: Method -> how to train it.
        prefix: Put before the cases' names, where another run's scan of the same name is another scan.
        stage_1_in: Where the trainings are, or go: directions may share them.

    Raises:
        ConfigError: A method that is done, or was begun, had another recipe or other scans.
    """
    for method, recipe in recipes.items():
        inner = run.inner(FOLDER).inner(method)
        inner.record(as_yaml(recipe), cohort, {"training": recipe.reconstructor_training.seed}, resume=True)
        if (inner.path / DONE).is_file():
            inner.log(f"{method}: done before")
            continue
        inner.log(f"{method}:")
        clock = Clock(inner)
        model = stage_1(cohort, recipe, stage_1_in, resume=True, folder=folder_of(method))
        clock.lap("Stage I")
        evaluation = calibrate_and_test(inner, [model], cohort, clock, baselines=False, pictures=False)
        cases = [dataclasses.replace(case, case=prefix + case.case) for case in evaluation.cases]
        write_cases(cases, inner.path / "cases.tsv")
        write_json(inner.path / DONE, {"Minutes": clock.told})


def cases_of(run: RunFolder, plan: Methods, name: str) -> list[CaseResult]:
    """The table of all methods of a plan, which `run_methods` has left; its models get this name."""
    tables = [read_cases(run.path / FOLDER / method / "cases.tsv") for method in plan.unsupervised]
    return [case for table in tables for case in scored_by(table, name)]


def trained_in(plan: Methods, stage_1_in: Path, annotated_in: Path, unannotated_in: Path) -> list[Trained]:
    """What every training of a plan has left in the folders where they are."""
    stage_2 = [
        (annotated_in if training.synthetic == "none" else unannotated_in) / training.name
        for training in plan.trainings
    ]
    rows = trained_rows(stage_1_in / STAGE_1, stage_2)
    return rows + [row for method in plan.unsupervised for row in trained_rows(stage_1_in / folder_of(method))]
