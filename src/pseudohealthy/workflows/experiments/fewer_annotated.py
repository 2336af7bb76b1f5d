"""How many annotated people Stage II needs: the main network once more with one of them, with two, with five, ...

Sides, steps and thresholds are those of the main training; who is annotated with two is annotated with five, too. The
tables of each number lie in a folder of its own, so that a run that was killed goes on with the number that it was at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from pseudohealthy.errors import ConfigError
from pseudohealthy.evaluate.table import CaseResult, read_cases, write_cases
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import write_json
from pseudohealthy.stages.recipe import Recipe, as_yaml
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.experiments.phases import Clock, calibrate_and_test
from pseudohealthy.workflows.experiments.trainings import Training, stage_1, stage_2

FOLDER = "fewer"
DONE = "facts.json"


def with_annotated(cohort: Cohort, people: int) -> Cohort:
    """The cohort without the annotated scans of all but the first `people` subjects."""
    kept = list(dict.fromkeys(case.subject for case in cohort.split("annotated")))[:people]
    return Cohort(case for case in cohort if case.split != "annotated" or case.subject in kept)


def refuse_as_many(numbers: Sequence[int], folds: Iterable[Cohort]) -> None:
    """Refuse numbers that are not fewer than the annotated people of every fold: of some there may be several scans.

    Raises:
        ConfigError: One is not.
    """
    least = min(len({case.subject for case in fold.split("annotated")}) for fold in folds)
    if numbers and max(numbers) >= least:
        raise ConfigError(
            f"fewer_annotated {', '.join(map(str, numbers))}",
            found=f"a fold with {least} annotated people",
            needed="fewer than these",
            fix="Leave out the numbers that are not below, or raise 'annotated' under 'roles', which counts scans.",
        )


def run_fewer(
    run: RunFolder,
    cohort: Cohort,
    recipe: Recipe,
    main: Training,
    numbers: Sequence[int],
    *,
    prefix: str = "",
    stage_1_in: RunFolder,
) -> list[CaseResult]:
    """Train, calibrate and test the main network with each number of annotated people that is not done.

    Args:
        run: `fewer/NUMBER/` in it gets the training, `model/`, `cases.tsv` and, last, `facts.json`; its own `cases.tsv`
            is the table with all annotated people.
        cohort: Scans with their split.
        recipe: How to train.
        main: The training, which `run` has already with all annotated people.
        numbers: Of annotated people.
        prefix: Put before the cases' names, where another run's scan of the same name is another scan.
        stage_1_in: Where Stage I is.

    Returns:
        Cases of the rows `unet_res@2`, `sadm_res@2`, ..., the full number among them.

    Raises:
        ConfigError: A number that is done, or was begun, had another recipe or other scans.
    """
    everyone = len({case.subject for case in cohort.split("annotated")})
    found: list[CaseResult] = []
    rows: set[str] = set()
    for number in numbers:
        inner, fewer = run.inner(FOLDER).inner(str(number)), with_annotated(cohort, number)
        inner.record(as_yaml(recipe), fewer, {"training": recipe.segmenter_training.seed}, resume=True)
        if not (inner.path / DONE).is_file():
            clock = Clock(inner)
            first = stage_1(cohort, recipe, stage_1_in, resume=True)
            model = stage_2(main, fewer, first, recipe, inner, resume=True)
            clock.lap("Stage II")
            evaluation = calibrate_and_test(inner, [model], fewer, clock, baselines=False, pictures=False)
            of_model = (model.segmenter_row, model.row)
            own = [case for case in evaluation.cases if case.row in of_model]
            own = [dataclasses.replace(case, case=prefix + case.case) for case in own]
            write_cases(own, inner.path / "cases.tsv")
            write_json(inner.path / DONE, {"Minutes": clock.told})
        cases = read_cases(inner.path / "cases.tsv")
        rows |= {case.row for case in cases}
        found += _named(cases, number)
    return found + _named((case for case in read_cases(run.path / "cases.tsv") if case.row in rows), everyone)


def _named(cases: Iterable[CaseResult], number: int) -> list[CaseResult]:
    return [dataclasses.replace(case, row=f"{case.row}@{number}") for case in cases]
