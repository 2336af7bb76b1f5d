"""Who takes part in an experiment on patients: every scan once, each person on one side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pseudohealthy.errors import ConfigError
from pseudohealthy.io.cohort import Case, Cohort, write_cohort
from pseudohealthy.io.volume import Volume, write_volume
from pseudohealthy.workflows.experiments.fewer_annotated import refuse_as_many
from pseudohealthy.workflows.experiments.patient_plan import PatientPlan
from pseudohealthy.workflows.experiments.people import each_once

PLAN = PatientPlan(
    recipe="smoke",
    patients="ill",
    pathology="tumour",
    healthy=("well",),
    others={"ms": "spots"},
    folds=2,
    healthy_roles={"validation": 1, "calibration": 1, "test": 1},
)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def write_scan(folder: Path, name: str, content: int, *, ill: bool, turned: bool = False, **known: str) -> Case:
    """A file of noise: scans of the same content have the same voxels, turned ones in another order."""
    data = np.random.default_rng(content).uniform(1, 2, (8, 9, 10)).astype(np.float32)
    volume = Volume(np.ascontiguousarray(data[::-1]) if turned else data, AFFINE)
    write_volume(volume, folder / f"{name}.nii.gz")
    if ill:
        write_volume(volume.like(data > 1.9), folder / f"{name}_mask.nii.gz")
    return Case(name, folder / f"{name}.nii.gz", None, folder / f"{name}_mask.nii.gz" if ill else None, **known)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four patients, one of whom was published twice; one of them is among the healthy, one in another dataset."""
    ill = [write_scan(tmp_path / "ill", f"A{n}", n, ill=True) for n in range(4)]
    ill.append(write_scan(tmp_path / "ill", "A9", 2, ill=True, turned=True))
    well = [write_scan(tmp_path / "well", f"H{n}", 10 + n, ill=False) for n in range(4)]
    well.append(write_scan(tmp_path / "well", "H9", 3, ill=False))
    spots = [write_scan(tmp_path / "spots", f"M{n}", 20 + n, ill=True) for n in range(2)]
    spots.append(write_scan(tmp_path / "spots", "M9", 0, ill=True))
    for name, cases in (("ill", ill), ("well", well), ("spots", spots)):
        write_cohort(Cohort(cases), tmp_path / name / "cohort.tsv")
    return tmp_path


def names(cohort: Cohort) -> list[str]:
    return [case.name for case in cohort]


def test_a_scan_that_is_there_twice_stays_once_with_the_patients(data: Path) -> None:
    found, told = PLAN.people(data), []
    people, said = each_once(found, lambda: told.append(1))
    assert names(people.patients) == ["A0", "A1", "A2", "A3"]
    assert names(people.others) == ["M0", "M1"]
    assert names(people.healthy) == ["H0", "H1", "H2", "H3"]
    assert said == [
        "A9 is left out: it has the same voxels as A2 (tumour)",
        "M9 is left out: it has the same voxels as A0 (tumour)",
        "H9 is left out: it has the same voxels as A3 (tumour)",
    ]
    assert len(told) == len(found) == 13
    assert each_once(people)[1] == []


def test_every_seed_divides_them_so_that_each_patient_is_tested_once_and_nobody_is_on_two_sides(data: Path) -> None:
    people, _ = each_once(PLAN.people(data))
    for seed in range(5):
        healthy, folds = PLAN.healthy_sides(people, seed), PLAN.patient_sides(people, seed)
        tested = [case.name for fold in folds for case in fold.split("test") if case.pathology == "tumour"]
        assert sorted(tested) == ["A0", "A1", "A2", "A3"]
        for fold in folds:
            everyone = Cohort([*healthy, *fold])  # which refuses a name that stands twice
            assert {name: len(side) for name, side in everyone.sides().items()} == {
                **{"train": 1, "annotated": 1, "validation": 1},
                **{"calibration": 2, "test": 2 + 2 + 1},
            }


def test_both_visits_of_a_patient_are_on_one_side(data: Path) -> None:
    visits = [
        write_scan(data / "ill", f"A{n}-{v}", 2 * n + v, ill=True, subject=f"A{n}") for n in range(6) for v in (0, 1)
    ]
    write_cohort(Cohort(visits), data / "ill/cohort.tsv")
    plan = replace(PLAN, roles={"annotated": 2, "calibration": 2})
    people = plan.people(data)
    for seed in range(5):
        for fold in plan.patient_sides(people, seed):
            sides = [{case.subject for case in side} for side in fold.sides().values()]
            assert sum(map(len, sides)) == len(set().union(*sides))
    folds = plan.patient_sides(people, 0)  # two annotated scans are one person's
    with pytest.raises(ConfigError, match="fewer_annotated 1: found a fold with 1 annotated people; needed fewer"):
        refuse_as_many((1,), folds)
    refuse_as_many((), folds)


def test_what_the_tables_of_the_datasets_say_of_sides_is_not_the_experiments(data: Path) -> None:
    cases = [write_scan(data / "ill", f"A{n}", n, ill=True, split="test") for n in range(4)]
    write_cohort(Cohort(cases), data / "ill/cohort.tsv")
    folds = PLAN.patient_sides(PLAN.people(data), 0)
    assert [len(fold.split("annotated")) for fold in folds] == [1, 1]
