"""What each command writes and says; the files of its folder are those of `tests/golden`."""

from __future__ import annotations

import json
import logging
import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bad_scans import BAD_SCANS, write_brain
from pseudohealthy.cli import main
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import read_cohort
from pseudohealthy.io.files import sha256
from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.stages.model_folder import load_model
from trees import assert_golden, snapshot

PROVENANCE = {"version", "commit", "started", "inputs_sha256", "masks_sha256", "seeds", "machine", "packages"}


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def test_simulate_writes_a_bids_dataset_that_every_command_reads(tmp_path, capsys):
    out = tmp_path / "virtual"
    groups = ("--group", "healthy:1:calibration", "--group", "tumour:1:test")
    assert run("simulate", out, *groups, "--spacing-mm", "4", "--seed", "7") == 0
    assert_golden(out, "simulate")
    assert "2 virtual scans written" in capsys.readouterr().err
    cohort = discover([out])
    assert [(case.pathology, case.split) for case in cohort] == [("healthy", "calibration"), ("tumour", "test")]
    assert [case.lesion_mask is not None for case in cohort] == [False, True]
    assert nib.load(cohort[0].image).header.get_zooms() == (4.0, 4.0, 4.0)


def test_split_divides_by_subject_and_writes_a_table_that_train_reads(tmp_path, fitted, capsys):
    out = tmp_path / "split.tsv"
    # made brains have all the same anatomy
    shares = ("--share", "train=0.5", "validation=0.3", "test=0.2", "--trust-names")
    assert run("split", fitted.table, "--out", out, *shares, "--seed", "3") == 0
    cohort = read_cohort(out)
    assert [case.name for case in cohort] == [case.name for case in fitted.cohort]
    assert {name: len(side) for name, side in cohort.sides().items()} == {"train": 5, "validation": 3, "test": 2}
    assert "train 5, validation 3, test 2" in capsys.readouterr().err
    again = tmp_path / "again.tsv"
    assert run("split", fitted.table, "--out", again, *shares, "--seed", "3") == 0
    assert again.read_text() == out.read_text()


def test_train_reconstructor_writes_a_run_folder_with_its_model(tmp_path, fitted, capsys):
    out = tmp_path / "run"
    options = ("--data", fitted.table, "--config", "smoke", "--set", "reconstructor_training.seed=4")
    assert run("train", "reconstructor", *options, "--out", out) == 0
    assert_golden(out, "train_reconstructor")
    assert f"model written to {out / 'model'}" in capsys.readouterr().err
    provenance = json.loads((out / "provenance.json").read_text())
    assert set(provenance) == PROVENANCE
    assert provenance["seeds"] == {"reconstructor_training": 4}
    healthy = [*fitted.cohort.split("train"), *fitted.cohort.split("validation")]
    assert provenance["inputs_sha256"] == {case.name: sha256(case.image) for case in healthy}
    assert "seed: 4" in (out / "config.yaml").read_text()
    assert (out / "metrics.csv").read_text().splitlines()[1].startswith("2,")
    assert load_model(out / "model").recipe.reconstructor_training.seed == 4


@pytest.mark.parametrize(("synthetic", "row"), [((), "sadm_res"), (("--synthetic", "draem"), "sadm_res_draem")])
def test_train_segmenter_learns_from_annotations_or_from_painted_anomalies(synthetic, row, tmp_path, fitted):
    out, table = tmp_path / "run", fitted.table
    if synthetic:  # no annotated scan: healthy ones alone
        healthy = [line for line in table.read_text().splitlines(keepends=True) if "label-L" not in line]
        table = tmp_path / "healthy.tsv"
        table.write_text("".join(healthy).replace("\tsub-", f"\t{fitted.table.parent}/sub-"))
    options = ("--reconstructor", fitted.stage_1, "--data", table, "--config", "smoke", "--out", out, *synthetic)
    assert run("train", "segmenter", *options) == 0
    assert_golden(out, "train_segmenter")
    model = load_model(out / "model")
    assert model.row == row
    assert list(model.trained_on["segmenter"]) == ([] if synthetic else ["sub-04", "sub-05"])


def test_a_finished_training_that_is_resumed_changes_nothing(tmp_path, fitted, capsys):
    out = Path(shutil.copytree(fitted.stage_1.parent, tmp_path / "run"))
    before = sha256(out / "model" / "reconstructor.safetensors")
    options = ("--data", fitted.table, "--config", "smoke", "--out", out, "--resume")
    assert run("train", "reconstructor", *options) == 0
    assert sha256(out / "model" / "reconstructor.safetensors") == before
    told = capsys.readouterr().err
    assert "step 0/" in told  # the loss of the untrained network, which the model's metrics need
    assert "step 1" not in told
    assert "step 2" not in told


@pytest.mark.parametrize(("change", "said"), [("recipe", "another recipe"), ("scans", "other scans")])
def test_a_training_is_not_resumed_as_another_one(change, said, tmp_path, fitted, capsys):
    out = Path(shutil.copytree(fitted.stage_1.parent, tmp_path / "run"))
    before = snapshot(out)
    table = tmp_path / "fewer.tsv"
    lines = [line for line in fitted.table.read_text().splitlines(keepends=True) if not line.startswith("sub-00\t")]
    table.write_text("".join(lines).replace("\tsub-", f"\t{fitted.table.parent}/sub-"))
    data = table if change == "scans" else fitted.table
    other = ("--set", "reconstructor_training.steps=3") if change == "recipe" else ()
    options = ("--data", data, "--config", "smoke", "--out", out, "--resume")
    assert run("train", "reconstructor", *options, *other) == 2
    assert f"a run that was begun with {said}" in capsys.readouterr().err.splitlines()[-1]
    assert snapshot(out) == before


def test_calibrate_stores_thresholds_and_tells_what_they_promise(tmp_path, fitted, capsys):
    model = Path(shutil.copytree(fitted.uncalibrated, tmp_path / "model"))
    assert run("calibrate", model, fitted.table, "--max-healthy-ml", "2", "--alpha", "0.5") == 0
    threshold = load_model(model).calibration["sadm_res"]["healthy"]
    assert (threshold.n, threshold.max_healthy_ml) == (2, 2.0)
    asked, told = capsys.readouterr().err.splitlines()[-2:]
    assert told == (
        f"healthy: {threshold.value:.4f} "
        "(n = 2: at most 50 % chance that a new healthy scan has more than 2 ml above it)"
    )
    names = {case.name for case in fitted.cohort.split("calibration")}
    most, second = re.fullmatch(r"healthy scans that ask for most: (\S+ [\d.]+), (\S+ [\d.]+)", asked).groups()
    assert {most.split()[0], second.split()[0]} == names
    assert [float(one.split()[1]) for one in (second, most)] == [round(value, 4) for value in threshold.per_scan]
    assert not any(name in (model / "calibration.json").read_text() for name in names)


def test_predict_names_outputs_after_the_scan_and_is_repeatable(tmp_path, fitted, capsys):
    case = fitted.cohort.split("test")[0]
    plain = write_brain(tmp_path / "my patient.nii.gz", seed=77)
    out = tmp_path / "out"
    inputs = (case.image, plain)
    assert run("predict", fitted.model, *inputs, "--out", out, "--branches") == 0
    assert_golden(out, "predict")
    told = capsys.readouterr().err
    assert "sub-08: " in told
    assert "my patient: " in told

    anat = out / "sub-08" / "anat"
    images = {path.name[len("sub-08_space-orig_") : -len(".nii.gz")]: nib.load(path) for path in anat.glob("*.nii.gz")}
    scan = nib.load(case.image)
    for name, image in images.items():
        np.testing.assert_array_equal(image.affine, scan.affine)
        assert image.shape == scan.shape
        assert image.get_data_dtype() == (np.uint8 if name == "label-L_mask" else np.float32)
    report = json.loads((anat / "sub-08_space-orig_label-L_report.json").read_text())
    threshold = load_model(fitted.model).calibration["sadm_res"]["healthy"]
    score, mask = (images[f"label-L_{kind}"].get_fdata() for kind in ("probseg", "mask"))
    assert report["threshold"] == {
        "value": threshold.value,
        "policy": "healthy",
        "statement": threshold.statement,
    }
    np.testing.assert_array_equal(mask, score > threshold.value)
    assert report["volume_ml"] == pytest.approx(mask.sum() * 0.125)
    assert set(report["timings_s"]) == {"read and prepare", "reconstruct", "segment", "to native grid"}
    assert threshold.statement in (out / "sub-08.html").read_text()

    before = snapshot(out)
    again = ("predict", fitted.model, *reversed(inputs), "--out", out, "--branches", "--overwrite", "--quiet")
    assert run(*again) == 0
    assert capsys.readouterr() == ("", "")
    after = snapshot(out)
    assert [path for path in before if path.endswith(".nii.gz") and before[path] != after[path]] == []


def test_predict_with_a_given_number_needs_no_calibration(tmp_path, fitted):
    out = tmp_path / "out"
    options = ("--split", "test", "--out", out, "--threshold", "0.4")
    assert run("predict", fitted.stage_1, fitted.table, *options) == 0
    reports = [json.loads(path.read_text()) for path in sorted(out.rglob("*_report.json"))]
    assert [report["case"] for report in reports] == ["sub-08", "sub-09"]
    for report in reports:
        assert report["threshold"] == {"value": 0.4, "policy": "given", "statement": "given by the user: no guarantee"}
        assert report["model"]["row"] == "cddpm"


def test_a_scan_that_fails_is_listed_and_the_others_are_written(tmp_path, fitted, capsys):
    inputs = tmp_path / "scans"
    inputs.mkdir()
    write_brain(inputs / "good.nii.gz")
    make, said = BAD_SCANS["NaN"]
    make(inputs / "bad.nii.gz")
    assert run("predict", fitted.model, inputs, "--out", tmp_path / "out") == 3
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("pseudohealthy: 1 of 2 cases failed: bad (")
    assert said in last
    assert_golden(tmp_path / "out", "predict_partial")


def test_where_every_scan_fails_nothing_is_written(tmp_path, fitted, capsys):
    inputs = tmp_path / "scans"
    inputs.mkdir()
    for name, kind in (("a", "NaN"), ("b", "whole head")):
        BAD_SCANS[kind][0](inputs / f"{name}.nii.gz")
    assert run("predict", fitted.model, inputs, "--out", tmp_path / "out") == 2
    assert "a.nii.gz: found NaN" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_evaluate_writes_tables_findings_and_a_page(tmp_path, fitted, capsys):
    out = tmp_path / "out"
    assert run("evaluate", fitted.model, fitted.table, "--out", out, "--known", "ball") == 0
    assert_golden(out, "evaluate")
    results = json.loads((out / "results.json").read_text())
    assert list(results) == [*DETECTORS, "cddpm", "unet_res", "sadm_res"]
    cell = results["sadm_res"]["ball"]
    assert cell["n"] == 2
    assert {"dice", "dice_ci", "dice_n", "dice_oracle", "auprc", "auroc", "hd95_mm", "fp_ml"} <= set(cell)
    page = (out / "report.html").read_text()
    assert "sadm_res" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "claim 1" in capsys.readouterr().err  # known pathology: a claim about it is tested


def test_a_bug_of_ours_is_told_as_one_and_verbose_shows_where(tmp_path, fitted, capsys, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("a wheel\nfell off")

    monkeypatch.setattr("pseudohealthy.stages.model_folder.load_model", broken)
    arguments = ("predict", fitted.model, fitted.table, "--out", tmp_path / "out")
    assert run(*arguments) == 1
    told = capsys.readouterr().err
    assert "this is a bug in pseudohealthy" in told
    assert "RuntimeError: a wheel fell off" in told
    assert len(told.splitlines()) == 1
    assert run(*arguments, "-v") == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupted_command_says_so(tmp_path, fitted, capsys, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pseudohealthy.stages.model_folder.load_model", interrupted)
    assert run("predict", fitted.model, fitted.table, "--out", tmp_path / "out") == 130
    assert capsys.readouterr().err == "pseudohealthy: interrupted\n"


@pytest.mark.parametrize(("option", "level"), [("-q", logging.ERROR), ("-v", logging.DEBUG), (None, logging.INFO)])
def test_how_much_is_told(option, level, tmp_path, fitted, monkeypatch):
    levels = []
    monkeypatch.setattr("pseudohealthy.workflows.split_cohort.divide", lambda cohort, *_, **__: cohort)
    monkeypatch.setattr("pseudohealthy.io.split_files.write_division", lambda *_: levels.append(logging.root.level))
    options = ("--trust-names", option) if option else ("--trust-names",)
    assert run("split", fitted.table, "--out", tmp_path / "t.tsv", "--share", "test=1", *options) == 0
    assert levels == [level]
