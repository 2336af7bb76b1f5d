"""What tested claims add to the files of an evaluation, on a made table."""

from __future__ import annotations

import json

import numpy as np

from pseudohealthy.evaluate import claims as protocol
from pseudohealthy.evaluate.claims import claims_of
from pseudohealthy.evaluate.table import CaseResult, read_cases
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.results import write_results

TEXT = {"title": "A test", "known": ["tumour"], "unseen": ["ms"], "facts": {}, "notes": ()}
FILES = {"cases.tsv", "results.json", "results_model_grid.json", "verdicts.json", "report.html", "page.json"}


def made(row, mean):
    values = mean + np.random.default_rng(0).normal(0, 0.05, 14)
    return [
        CaseResult(
            row,
            test_set,
            f"{test_set}-{i}",
            f"p{i}",
            "native",
            {"auprc": value, "dice_oracle": value, "lesion_ml": 2.0},
        )
        for test_set in ("tumour", "ms")
        for i, value in enumerate(values)
    ]


def test_claims_are_written_logged_and_shown_and_curves_keep_their_own_table(tmp_path):
    cases = [case for row, mean in (("sadm_res", 0.6), ("cddpm", 0.4), ("zmap", 0.3)) for case in made(row, mean)]
    claims = protocol.test_claims(cases, claims_of("tumour", ["ms"]), 0)
    curve_cases = made("beta=0.0", 0.5) + made("beta=1.0", 0.4)
    with RunFolder.open(tmp_path / "out") as run:
        write_results(run, Evaluation(cases), **TEXT, claims=claims, curve_cases=curve_cases)
    out = tmp_path / "out"
    told = json.loads((out / "claims.json").read_text())
    assert [entry["claim"]["name"] for entry in told] == [f"claim {k}" for k in (1, 2, 3, 4, 5)]
    assert [entry["verdict"] for entry in told] == ["holds", "holds", "not shown", "not shown", "holds"]
    assert told[0]["p_holm"] == claims[0].p_holm
    assert told[0]["claim"]["sets"] == ["tumour"]
    assert all(result.sentence in (out / "log.txt").read_text() for result in claims)
    assert read_cases(out / "curves.tsv") == curve_cases
    page = (out / "report.html").read_text()
    assert "Which claims hold?" in page
    assert "The fusion weight" in page
    assert "beta=0.0" not in json.loads((out / "results.json").read_text())


def test_without_claims_there_are_the_files_of_before(tmp_path):
    with RunFolder.open(tmp_path / "out") as run:
        write_results(run, Evaluation(made("sadm_res", 0.6)), **TEXT)
    assert {file.name for file in (tmp_path / "out").iterdir()} - {"log.txt"} == FILES
