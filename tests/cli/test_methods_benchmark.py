"""`benchmark` with further methods of Stage I: rows of the same table, one by one, resumed where they were killed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pseudohealthy.cli import main
from pseudohealthy.evaluate.table import read_cases
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.workflows.experiments import unsupervised

RECIPE = {
    "grid": "coarse",
    "reconstructor": {
        "method": "cddpm",
        "settings": {
            **{"widths": [8, 8], "blocks": 1, "unshuffle": 4, "encoder": "small", "condition": 16},
            "test_steps": [500],
        },
    },
    "reconstructor_training": {"steps": 2, "batch_size": 2, "validate_every_steps": 2, "precision": "32-true"},
    "segmenter": {"settings": {"widths": [8, 16]}},
    "segmenter_training": {"steps": 2, "batch_size": 2, "validate_every_steps": 2, "precision": "32-true"},
}
PLAN = {
    "spacing_mm": 4,
    "groups": [
        {"pathology": "healthy", "n": 1, "split": "train"},
        {"pathology": "healthy", "n": 1, "split": "validation"},
        {"pathology": "tumour", "n": 1, "split": "annotated"},
        {"pathology": "healthy", "n": 1, "split": "calibration"},
        {"pathology": "tumour", "n": 1, "split": "calibration"},
        {"pathology": "tumour", "n": 1, "split": "test"},
    ],
    "segmenters": ["unet_res"],
    "unsupervised": ["ae", "pii"],
    "methods": {
        "ae": {"reconstructor.settings.latent": 8, "reconstructor_training.learning_rate": 1e-3},
        "pii": {"reconstructor.settings.unet": [8, 8]},
    },
    "unseen": [],
    "seeds": [3],
}


def write_plan(folder: Path, change: dict[str, object]) -> Path:
    """A plan with its own recipe: one small enough for a test."""
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    plan = folder / "plan.yaml"
    plan.write_text(yaml.safe_dump(PLAN | {"recipe": str(folder / "recipe.yaml")} | change))
    return plan


def test_each_method_is_a_row_and_one_that_is_done_is_not_trained_or_scored_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["benchmark", str(write_plan(tmp_path, {})), "--out", str(out)]
    assert main([*arguments, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()[1:-1]] == ["cddpm", "ae", "pii", "unet_res,"]
    assert not out.exists()
    monkeypatch.setattr("pseudohealthy.workflows.experiments.forecast.forecast", lambda _: [])  # seconds, each time

    trained, real = [], unsupervised.calibrate_and_test

    def killed_at_pii(run, models, *rest, **kwargs):
        trained.append(models[0].row)
        if trained == ["ae", "pii"]:
            raise KeyboardInterrupt
        return real(run, models, *rest, **kwargs)

    monkeypatch.setattr(unsupervised, "calibrate_and_test", killed_at_pii)
    assert main(arguments) == 130
    assert main([*arguments, "--resume"]) == 0
    assert trained == ["ae", "pii", "pii"]

    cases = read_cases(out / "cases.tsv")
    rows = list(dict.fromkeys(case.row for case in cases))
    baselines = ["constant", "threshold", "threshold_dark", "zmap", "zmap_dark"]
    assert rows == [*baselines, "cddpm", "unet_res", "sadm_res", "ae", "pii"]
    assert {case.case for case in cases} == {"3/sub-0006"}
    facts = json.loads((out / "methods.json").read_text())
    assert set(facts) == {"cddpm", "unet_res", "sadm_res", "ae", "pii"}
    assert facts["sadm_res"]["parameters"] == facts["unet_res"]["parameters"] > facts["cddpm"]["parameters"]
    assert all(facts[row]["minutes"] > 0 for row in facts)
    assert facts["ae"]["fall"] == pytest.approx(1 - facts["ae"]["loss"] / facts["ae"]["untrained_loss"])
    page = (out / "report.html").read_text()
    assert 'data-block="unsupervised"' in page
    assert 'data-block="self-supervised"' in page
    model = load_model(out / "seed-3/methods/ae/model")
    assert (model.recipe.reconstructor.settings.latent, model.recipe.reconstructor_training.seed) == (8, 3)
    assert set(model.calibration) == {"ae"}


def test_a_segmenter_of_slabs_is_forecast_like_any_other_and_refused_where_it_would_be_painted_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = {"segmenters": ["nnunet_3d"], "unsupervised": [], "methods": {}}
    arguments = ["benchmark", str(write_plan(tmp_path, plan)), "--dry-run", "--out", str(tmp_path / "out")]
    segmenter = {"method": "nnunet_3d", "settings": {"features": [4, 4, 4, 4], "slab": 4}}
    recipe = RECIPE | {"segmenter": segmenter, "segmenter_training": {"steps": 2, "batch_size": 4}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(arguments) == 0
    told = capsys.readouterr().out.splitlines()[1:-1]
    assert [line.split("  ")[0] for line in told] == ["cddpm", "nnunet_3d, sadm_nnunet_3d"]
    synthetic = {"synthetic": "draem", "synthetic_segmenters": ["nnunet_3d"]}
    (tmp_path / "plan.yaml").write_text(
        yaml.safe_dump(PLAN | plan | {"recipe": str(tmp_path / "recipe.yaml")} | synthetic)
    )
    assert main(arguments) == 2
    assert "supervision.synthetic 'draem': found nnunet_3d" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unsupervised": ["ganomaly"]}, "unsupervised 'ganomaly', which is none of cddpm, ddpm"),
        ({"unsupervised": ["ae", "ae"]}, "where one stands twice"),
        ({"unsupervised": ["cddpm"], "methods": {}}, "which is trained anyway"),
        ({"methods": {"vae": {}}}, "methods 'vae', which is none of ae, pii"),
        ({"methods": {"ae": {"grid": "paper"}}}, "the key 'grid' under 'methods'"),
        ({"methods": {"ae": {"reconstructor.settings.widht": 8}}}, "widht"),
        ({"synthetic_segmenters": ["unet_res"]}, "synthetic_segmenters 'unet_res'"),
        ({"segmenters": ["unet_res", "nnunet_3d"]}, "batch_size 2: found nnunet_3d, which sees slabs of 8 slices"),
    ],
)
def test_a_plan_that_cannot_be_compared_is_refused_before_any_work(tmp_path, capsys, change, message) -> None:
    out = tmp_path / "out"
    assert main(["benchmark", str(write_plan(tmp_path, change)), "--out", str(out)]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()
