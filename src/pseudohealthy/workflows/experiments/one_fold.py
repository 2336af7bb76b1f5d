"""One fold of a cross-validation: train what is not trained yet, calibrate, test, and leave the tables."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pseudohealthy.evaluate.table import CaseResult, read_cases, scored_by, write_cases
from pseudohealthy.evaluate.trained import Trained
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import write_json
from pseudohealthy.stages.recipe import Recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.experiments.kept import add_kept, keep
from pseudohealthy.workflows.experiments.phases import Clock, calibrate_and_test, sizes
from pseudohealthy.workflows.experiments.trainings import Training, stage_1, stage_2

_OTHERS = " (the first; those of others: facts.json beside their tables)"
BETAS = tuple(round(0.1 * step, 1) for step in range(11))


@dataclass
class Direction:
    """What is known of one direction: one pathology annotated, the other sets never.

    Attributes:
        annotated: The annotated pathology.
        cases: The per-case table of all seeds and folds so far.
        betas: The same for the main model's score at each beta, rows `beta=0.0` to `beta=1.0`.
        kept: Voxel counts and pictures of the folds so far.
        fewer: The same for the main network with fewer annotated people, rows `sadm_res@2`, ...
        facts: Short facts about the runs.
        trained: What the trainings were, of plans that compare methods of Stage I.
    """

    annotated: str
    cases: list[CaseResult] = field(default_factory=list)
    betas: list[CaseResult] = field(default_factory=list)
    fewer: list[CaseResult] = field(default_factory=list)
    kept: Evaluation = field(default_factory=Evaluation)
    facts: dict[str, str] = field(default_factory=dict)
    trained: list[Trained] = field(default_factory=list)

    def add(self, run: RunFolder, name: str) -> None:
        """Add the tables of a fold that is done; its models and their minutes get this name."""
        self.cases += scored_by(read_cases(run.path / "cases.tsv"), name)
        self.betas += read_cases(run.path / "betas.tsv")
        add_kept(run.path, self.kept)
        told = json.loads((run.path / "facts.json").read_text(encoding="utf-8"))
        self.facts[f"{name}: minutes"] = told.pop("Minutes")
        for fact, value in told.items():
            of_fold = f"{fact}, a fold"
            first = self.facts.setdefault(of_fold, value)
            if value != first and not first.endswith(_OTHERS):
                self.facts[of_fold] = first + _OTHERS


def is_done(run: RunFolder) -> bool:
    """Whether a fold is whole: its facts are written last."""
    return (run.path / "facts.json").is_file()


def run_fold(
    run: RunFolder,
    cohort: Cohort,
    recipe: Recipe,
    trainings: Sequence[Training],
    *,
    prefix: str = "",
    stage_1_in: RunFolder,
    unannotated_in: RunFolder,
) -> None:
    """Train, calibrate and test; what an earlier run has trained is taken from its folder.

    Args:
        run: Where the annotated trainings, `model/`, `cases.tsv`, `betas.tsv`, counts, pictures and `facts.json` go.
        cohort: Scans with their split.
        recipe: How to train.
        trainings: Of Stage II; the first is the main model.
        prefix: Put before the cases' names, where another run's scan of the same name is another scan.
        stage_1_in: Where Stage I is, or goes: folds or directions may share it.
        unannotated_in: The same for what learns without annotations.
    """
    clock = Clock(run)
    first = stage_1(cohort, recipe, stage_1_in, resume=True)
    clock.lap("Stage I")
    models = [
        stage_2(one, cohort, first, recipe, run if one.synthetic == "none" else unannotated_in, resume=True)
        for one in trainings
    ]
    clock.lap("Stage II")
    evaluation = calibrate_and_test(run, models, cohort, clock, BETAS)
    for name, cases in (("cases.tsv", evaluation.cases), ("betas.tsv", evaluation.betas)):
        write_cases([dataclasses.replace(case, case=prefix + case.case) for case in cases], run.path / name)
    keep(run.path, evaluation, prefix)
    people = ", ".join(f"{len({case.subject for case in side})} {name}" for name, side in cohort.sides().items())
    write_json(run.path / "facts.json", {"Minutes": clock.told, "People": people, **sizes(models, cohort)})
