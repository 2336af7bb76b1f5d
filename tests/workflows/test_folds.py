"""Folds of a painted experiment: everyone is tested once, nobody is on two sides, no lesion is learned and tested."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pseudohealthy.evaluate.table import write_cases
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.files import write_json
from pseudohealthy.io.splits import refuse_leaks
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.experiments.folds import cohort_of, sides, wanted
from pseudohealthy.workflows.experiments.kept import keep
from pseudohealthy.workflows.experiments.one_fold import Direction
from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
from pseudohealthy.workflows.experiments.plans import load_any_plan

PLAN = PaintedPlan(
    recipe="smoke",
    hosts="people",
    sets=("tumour", "stroke", "ms"),
    annotated=("tumour", "stroke"),
    folds=3,
    roles={"train": 3, "validation": 1, "annotated": 2, "calibration": 2},
    copies=2,
    stratify=("age",),
)
HOSTS = [f"sub-{number:02d}" for number in range(12)]


def test_what_folds_have_in_common_is_told_once_and_what_differs_as_that_of_the_first(tmp_path):
    direction = Direction("tumour")
    for number, people in enumerate(("9 train", "9 train", "8 train", "7 train")):
        with RunFolder.open(tmp_path / str(number)) as run:
            for name in ("cases.tsv", "betas.tsv"):
                write_cases([], run.path / name)
            keep(run.path, Evaluation())
            write_json(run.path / "facts.json", {"Minutes": f"{number}", "People": people, "Stage I": "1 M parameters"})
            direction.add(run, f"fold {number}")
    assert direction.facts["fold 3: minutes"] == "3"
    assert direction.facts["Stage I, a fold"] == "1 M parameters"
    told = direction.facts["People, a fold"]
    assert told == "9 train (the first; those of others: facts.json beside their tables)"


@pytest.fixture
def painted() -> Cohort:
    return Cohort(
        Case(
            name=scan.name(),
            image=Path(f"{scan.host}-{scan.pathology}{scan.copy}.nii"),
            lesion_mask=None if scan.pathology == "healthy" else Path("mask.nii"),
            subject=scan.host,
            pathology=scan.pathology,
            mask_source="" if scan.pathology == "healthy" else f"{scan.host}-{scan.pathology}-{scan.copy}",
            columns={"host": scan.host, "age": str(20 + 5 * int(scan.host[-2:]))},
        )
        for scan in wanted(PLAN, HOSTS)
    )


def folds_of(painted: Cohort, seed: int) -> list[dict[str, str]]:
    return sides(PLAN, Cohort(case for case in painted if case.pathology == "healthy"), seed)


def test_every_person_is_tested_once_and_every_role_is_filled_in_each_fold(painted: Cohort) -> None:
    folds = folds_of(painted, 1)
    assert len(folds) == 3
    tested = Counter(name for fold in folds for name, side in fold.items() if side == "test")
    assert len(tested) == len(HOSTS)
    assert set(tested.values()) == {1}
    for fold in folds:
        counts = Counter(fold.values())
        assert counts["test"] == 4
        assert {role: counts[role] for role in PLAN.roles} == dict(PLAN.roles)


def test_folds_follow_the_seed_and_are_alike_in_age(painted: Cohort) -> None:
    assert folds_of(painted, 1) == folds_of(painted, 1) != folds_of(painted, 2)
    for fold in folds_of(painted, 1):
        tested = [int(name[4:6]) for name, side in fold.items() if side == "test"]
        assert 1 <= sum(number >= 6 for number in tested) <= 3


@pytest.mark.parametrize("annotated", PLAN.annotated)
def test_each_side_gets_its_scans_and_nothing_is_on_two(painted: Cohort, annotated: str) -> None:
    side_of = {name.removesuffix("_ses-healthy"): side for name, side in folds_of(painted, 1)[0].items()}
    cohort = cohort_of(PLAN, painted, side_of, annotated)
    refuse_leaks(cohort.sides())
    assert {case.pathology for case in cohort.split("test")} == {"healthy", "sham", "tumour", "stroke", "ms"}
    assert len(cohort.split("test")) == 4 * 5
    assert Counter(case.pathology for case in cohort.split("annotated")) == {annotated: 2 * 2}
    assert Counter(case.pathology for case in cohort.split("calibration")) == {"healthy": 2, annotated: 2}
    assert {case.pathology for case in (*cohort.split("train"), *cohort.split("validation"))} == {"healthy"}
    tested = {case.mask_source for case in cohort.split("test")}
    assert not tested & {case.mask_source for case in cohort.split("annotated") if case.mask_source}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotated": ("blood",)}, "annotated"),
        ({"sets": ("tumour", "healthy")}, "sets"),
        ({"roles": {"train": 3}}, "roles"),
        ({"masks": {"blood": ("folder",)}}, "masks of blood"),
        ({"folds": 1}, "folds 1"),
    ],
)
def test_a_plan_that_cannot_end_is_refused(change: dict[str, object], message: str) -> None:
    given = {"recipe": "smoke", "hosts": "people", **change}
    with pytest.raises(ValueError, match=message):
        PaintedPlan(**given)  # type: ignore[arg-type]


def test_the_shipped_plan_tests_24_people_and_never_uses_the_real_patients_mask() -> None:
    plan = load_any_plan("semi-real")
    assert isinstance(plan, PaintedPlan)
    assert sum(plan.roles.values()) == 24 - 24 // plan.folds
    assert "patient26" in plan.without_masks
    assert plan.annotated == ("tumour", "stroke")
    assert len(plan.seeds) == 3
    assert set(plan.references) == {"input", "population"}
    assert plan.synthetic == "draem"
