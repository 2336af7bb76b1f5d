"""The plans `paper` and `paper-atlas` as they are shipped, on imitations of the datasets that they are for.

Only what has to be smaller for a test is smaller: each list of widths, the batch, steps, seeds and numbers of people.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import downloads
import pytest
import yaml

from made_features import write_made_weights
from pseudohealthy.cli import main
from pseudohealthy.evaluate.table import CaseResult, read_cases
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.prepare.model_grid import GRIDS, ModelGrid
from pseudohealthy.stages.shipped import shipped
from pseudohealthy.workflows.experiments.plans import load_any_plan

TINY = ModelGrid("tiny", (16, 16, 14), 12.0)
LEARNED = ("train", "annotated")
PEOPLE = {"ixi": 4, "brats": 4, "atlas": 1, "mslub": 1, "wmh": 1}
WITHOUT_NETWORK = {"constant", "threshold", "threshold_dark", "zmap", "zmap_dark"}
ROWS = WITHOUT_NETWORK | {
    *("cddpm", "ae", "vae", "dae", "fae", "rd", "ddpm", "pddpm", "pii", "draem"),
    *("unet", "unet_res", "sadm", "sadm_res", "unet_draem", "unet_res_draem", "sadm_draem", "sadm_res_draem"),
}


def smaller(value: Any) -> Any:
    """The same keys with narrow networks: each list of numbers is as long as it was."""
    if isinstance(value, dict):
        return {key: smaller(inner) for key, inner in value.items()}
    return [8] * len(value) if isinstance(value, list) and isinstance(value[0], int) else value


def read(folder: str, name: str) -> dict[str, Any]:
    return yaml.safe_load(shipped(folder)[name].read_text())


def write_small_plan(name: str, folder: Path) -> Path:
    """A shipped plan and its recipe with one step a network."""
    plan = smaller(read("benchmark", name))
    recipe = smaller(read("", plan["recipe"])) | {"grid": TINY.name}
    recipe["reconstructor"]["settings"] |= {"encoder": "small", "condition": 8, "test_steps": [500]}
    for training in ("reconstructor_training", "segmenter_training"):
        recipe[training] |= {"steps": 1, "batch_size": 2, "validate_every_steps": 1, "checkpoint_every_steps": 1}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    plan |= {"recipe": str(folder / "recipe.yaml"), "seeds": [1]}
    plan |= {key: dict.fromkeys(plan[key], 1) for key in ("healthy_roles", "roles")}
    weights = str(write_made_weights(folder))  # those of photographs are in a package that need not be installed
    for method in ("fae", "rd"):
        plan["methods"].setdefault(method, {})["reconstructor.settings.weights"] = weights
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(plan))
    return folder / f"{name}.yaml"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five datasets as downloaded, prepared under the names that the plans have for them."""
    folder = tmp_path_factory.mktemp("paper")
    chain = read("prepare", "paper") | {"space": "brainbox", "spacing_mm": 8, "bias_field_levels": 0}
    (folder / "chain.yaml").write_text(yaml.safe_dump(chain))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for tree, people in PEOPLE.items():
            getattr(downloads, tree)(tree, people)
            assert main(["prepare", tree, f"{tree}-prepared", "--config", "chain.yaml"]) == 0
    return folder


@pytest.fixture(scope="module")
def out(data: Path) -> Path:
    """The output of a whole run of `paper`."""
    plan = write_small_plan("paper", data)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(GRIDS, TINY.name, TINY)
        patched.setattr("pseudohealthy.workflows.experiments.forecast.forecast", lambda _: [])  # see test_timed.py
        assert main(["benchmark", str(plan), "--data", str(data), "--out", str(data / "out")]) == 0
    return data / "out"


@pytest.fixture(scope="module")
def cases(out: Path) -> list[CaseResult]:
    return [case for case in read_cases(out / "cases.tsv") if case.grid == "native"]


def test_every_row_is_there_and_every_row_is_tested_on_the_same_scans(out: Path, cases: list[CaseResult]) -> None:
    assert {case.row for case in cases} == ROWS
    tested = {row: sorted((case.test_set, case.case) for case in cases if case.row == row) for row in ROWS}
    assert all(scans == tested["sadm_res"] for scans in tested.values())
    assert set(json.loads((out / "methods.json").read_text())) == {
        row for row in ROWS if row[:2] not in ("co", "th", "zm")
    }


def test_each_patient_is_tested_once_and_the_others_in_every_fold(cases: list[CaseResult]) -> None:
    scans = {
        kind: sorted(case.case for case in cases if (case.row, case.test_set) == ("sadm_res", kind))
        for kind in ("healthy", "tumour", "stroke", "ms", "wmh")
    }
    assert scans["tumour"] == [f"BraTS2021_0000{i}" for i in range(4)]
    assert scans["stroke"] == 2 * ["sub-r001s001_ses-1"]
    assert scans["ms"] == 2 * ["patient01"]
    assert scans["wmh"] == 2 * ["Utrecht_0"]
    assert len(scans["healthy"]) == 2
    assert len(set(scans["healthy"])) == 1


def test_nobody_is_on_two_sides(out: Path, data: Path) -> None:
    plan = load_any_plan(data / "paper.yaml")
    people = plan.people(data)
    healthy = plan.healthy_sides(people, 1)
    for number, patients in enumerate(plan.patient_sides(people, 1)):
        sides = [{case.subject for case in side} for side in Cohort([*healthy, *patients]).sides().values()]
        assert sum(map(len, sides)) == len(set().union(*sides)) == 4 + 4 + 3
        fold = out / f"seed-1/fold-{number}"
        for folder in (fold / "model", *fold.glob("methods/*/model")):
            learned = json.loads((folder / "config.json").read_text())["trained_on"]
            names = {name for stage in learned.values() for name in stage}
            assert names <= {case.name for both in (healthy, patients) for case in both if case.split in LEARNED}


def test_every_number_is_finite_or_null(out: Path, cases: list[CaseResult]) -> None:
    values = [value for case in read_cases(out / "cases.tsv") for value in case.metrics.values()]
    assert all(value is None or math.isfinite(value) for value in values)
    for file in ("results.json", "results_model_grid.json", "claims.json", "methods.json"):
        json.loads((out / file).read_text(), parse_constant=pytest.fail)  # NaN, Infinity
    assert "BraTS annotated" in (out / "report.html").read_text()


def test_the_two_plans_differ_in_who_is_annotated_alone() -> None:
    tumour, stroke = (read("benchmark", name) for name in ("paper", "paper-atlas"))
    assert {key for key in {**tumour, **stroke} if tumour.get(key) != stroke.get(key)} == {
        *("title", "patients", "pathology", "roles", "others")
    }
    assert tumour["roles"].keys() == stroke["roles"].keys()
    sets = [plan["others"] | {plan["pathology"]: plan["patients"]} for plan in (tumour, stroke)]
    assert sets[0] == sets[1]
    assert [load_any_plan(name).pathology for name in ("paper", "paper-atlas")] == ["tumour", "stroke"]
