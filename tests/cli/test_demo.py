"""`demo` and `benchmark`: whole experiments on virtual brains, in two steps of training and with coarse voxels."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from pseudohealthy.cli import main
from pseudohealthy.evaluate.table import CaseResult, read_cases
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.experiments.virtual_plan import VirtualPlan
from trees import assert_golden

HERE = "pseudohealthy.workflows.experiments"
PLAN = {
    "recipe": "smoke",
    "spacing_mm": 4,
    "groups": [
        {"pathology": "healthy", "n": 2, "split": "train"},
        {"pathology": "healthy", "n": 1, "split": "validation"},
        {"pathology": "tumour", "n": 1, "split": "annotated"},
        {"pathology": "healthy", "n": 1, "split": "calibration"},
        {"pathology": "tumour", "n": 1, "split": "calibration"},
        {"pathology": "stroke", "n": 1, "split": "test"},
    ],
    "segmenters": ["unet_res"],
    "references": ["input", "population"],
    "synthetic": "draem",
    "unseen": ["stroke"],
    "seeds": [3],
}


def test_demo_leaves_data_models_tables_and_a_page_that_opens_offline(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", "--smoke", "--out", str(out), "--seed", "5"]) == 0
    assert_golden(out, "demo")
    assert capsys.readouterr().err.splitlines()[-1] == f"Open {out / 'report.html'}"

    results = json.loads((out / "results.json").read_text())
    assert {"constant", "zmap", "cddpm", "unet", "unet_res", "sadm", "sadm_res"} <= set(results)
    assert all(set(sets) == {"tumour", "stroke", "healthy", "sham"} for sets in results.values())
    cell = results["sadm_res"]["stroke"]
    assert cell["n"] == 1
    assert cell["dice_ci"] is None  # one subject has no interval
    assert cell["excess_over_twin"] is None
    assert isinstance(results["sadm_res"]["sham"]["excess_over_twin"], float)

    model = load_model(out / "model")
    assert model.row == "sadm_res"
    assert set(model.calibration["sadm_res"]) == {"healthy", "lesion"}
    page = (out / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "cannot show how well the method does on patients" in " ".join(page.split())
    assert "seed: 5" in (out / "stage-1" / "config.yaml").read_text()


def test_benchmark_trains_controls_and_self_supervision_and_skips_finished_seeds(tmp_path, monkeypatch, capsys):
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(yaml.safe_dump(PLAN))
    assert main(["benchmark", str(plan), "--out", str(out)]) == 0
    assert_golden(out, "benchmark")
    cases = read_cases(out / "cases.tsv")
    rows = list(dict.fromkeys(case.row for case in cases))
    assert rows == [
        *("constant", "threshold", "threshold_dark", "zmap", "zmap_dark", "cddpm", "unet_res", "sadm_res"),
        *("unet_res_input", "sadm_res_input", "unet_res_population", "sadm_res_population"),
        *("unet_res_draem", "sadm_res_draem"),
    ]
    assert {case.case for case in cases} == {"3/sub-0007"}
    before = (out / "results.json").read_text()

    monkeypatch.setattr(f"{HERE}.virtual_benchmark.experiment", lambda *_: pytest.fail("runs again"))
    capsys.readouterr()
    assert main(["benchmark", str(plan), "--out", str(out), "--resume"]) == 0
    assert "seed 3: done before" in capsys.readouterr().err
    assert (out / "results.json").read_text() == before

    plan.write_text(yaml.safe_dump(PLAN | {"title": "Something else"}))
    assert main(["benchmark", str(plan), "--out", str(out), "--resume"]) == 2
    assert "found a run that was begun with another recipe" in capsys.readouterr().err
    assert (out / "results.json").read_text() == before


def test_a_benchmark_that_is_interrupted_goes_on_with_the_seeds_that_are_left(tmp_path, monkeypatch):
    ran: list[int] = []

    def experiment(run: RunFolder, plan: VirtualPlan, seed: int, *, resume: bool) -> tuple[Evaluation, dict[str, str]]:
        assert resume
        if seed == 2 and 2 not in ran:
            ran.append(seed)
            raise KeyboardInterrupt
        ran.append(seed)
        case = CaseResult("zmap", "stroke", "sub-0007", f"virtual-{seed}", "native", {"dice_oracle": seed / 10})
        return Evaluation([case]), {"Minutes": "1", "Stage I": "small", "Stage II": "small"}

    monkeypatch.setattr(f"{HERE}.virtual_benchmark.experiment", experiment)
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(yaml.safe_dump(PLAN | {"seeds": [1, 2, 3]}))
    assert main(["benchmark", str(plan), "--out", str(out)]) == 130
    assert ran == [1, 2]
    assert not (out / "results.json").exists()
    assert main(["benchmark", str(plan), "--out", str(out), "--resume"]) == 0
    assert ran == [1, 2, 2, 3]
    cell = json.loads((out / "results.json").read_text())["zmap"]["stroke"]
    assert (cell["n"], cell["dice_oracle"]) == (3, pytest.approx(0.2))
    assert [case.case for case in read_cases(out / "cases.tsv")] == ["1/sub-0007", "2/sub-0007", "3/sub-0007"]


def test_a_seed_that_is_interrupted_does_not_train_again_what_it_has_trained(tmp_path, monkeypatch):
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(yaml.safe_dump(PLAN | {"references": [], "synthetic": "none"}))

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"{HERE}.phases.calibrate", interrupted)
        assert main(["benchmark", str(plan), "--out", str(out)]) == 130
    for trainer in ("train_reconstructor", "train_segmenter"):
        monkeypatch.setattr(f"{HERE}.trainings.{trainer}", lambda *_, **__: pytest.fail("again"))
    assert main(["benchmark", str(plan), "--out", str(out), "--resume"]) == 0
    assert (out / "results.json").is_file()


def test_shipped_plans_load_and_ask_for_what_the_claims_need():
    from pseudohealthy.stages.shipped import shipped
    from pseudohealthy.workflows.experiments.plans import load_any_plan

    plans = {name: load_any_plan(name) for name in shipped("benchmark")}
    assert {"claims-virtual", "demo", "smoke"} <= set(plans)
    claims = plans["claims-virtual"]
    tests = {group.pathology: group.n for group in claims.groups if group.split == "test"}
    assert min(tests.values()) >= 16
    assert {*claims.known, *claims.unseen, "healthy", "sham"} == set(tests)
    assert set(claims.references) == {"input", "population"}
    assert len(claims.seeds) == 3
