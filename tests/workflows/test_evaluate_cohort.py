"""The per-case table of an evaluation: its rows, grids and thresholds, and the twins of sham lesions."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pseudohealthy.evaluate.case_metrics import case_metrics
from pseudohealthy.evaluate.table import summarise
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.volume import read_volume, write_volume
from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.score.metrics import dice
from pseudohealthy.stages.calibrate import calibrate, native_scores
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.tensors import read_case, read_lesion, to_zyx
from pseudohealthy.virtual.cohort import Group, simulate
from pseudohealthy.virtual.scan import make_scan
from pseudohealthy.workflows.evaluate_cohort import evaluate_cohort
from pseudohealthy.workflows.results import write_results

ROWS = ["constant", "threshold", "threshold_dark", "zmap", "zmap_dark", "cddpm", "unet_res", "sadm_res"]
TEXT = {"title": "A test", "known": ["ball"], "unseen": [], "facts": {}, "notes": ()}


@pytest.fixture(scope="module")
def of_balls(fitted):
    return evaluate_cohort([fitted.load()], fitted.cohort.split("test"))


def test_every_row_of_every_scan_is_counted_on_both_grids(of_balls):
    keys = [(case.case, case.row, case.grid) for case in of_balls.cases]
    assert keys == [(name, row, grid) for name in ("sub-08", "sub-09") for row in ROWS for grid in ("native", "model")]
    assert {case.test_set for case in of_balls.cases} == {"ball"}
    assert [case.subject for case in of_balls.cases] == [case.case for case in of_balls.cases]


def test_metrics_are_those_of_the_native_score_at_the_stored_threshold(of_balls, fitted):
    model, case = fitted.load(), fitted.cohort.split("test")[0]
    scan = read_case(case, GRIDS["small"], "brainbox")
    lesion = read_lesion(case, scan).lesion
    inference = Inference(model)
    native = native_scores(scan, inference.rows(scan, inference.branches(scan)))
    for row in ROWS:
        threshold = model.calibration[row]["healthy"].value
        (found,) = [c.metrics for c in of_balls.cases if (c.case, c.row, c.grid) == (case.name, row, "native")]
        brain, marked = scan.native_mask.data, native[row] > threshold
        assert found["dice"] == dice(marked & brain, lesion.data & brain)
        assert found["volume_ml"] == pytest.approx(np.count_nonzero(marked & brain) * 0.125)
        assert found["excess_over_twin"] is None
    assert found == case_metrics(native[row], threshold, lesion.data, brain, scan.native.affine)


def test_metrics_beside_them_are_those_on_the_model_grid(of_balls, fitted):
    model, case = fitted.load(), fitted.cohort.split("test")[0]
    scan = read_case(case, GRIDS["small"], "brainbox")
    lesion = to_zyx(scan.lesion_on_grid(read_lesion(case, scan).lesion))
    inference = Inference(model)
    score = inference.rows(scan, inference.branches(scan))["sadm_res"]
    (found,) = [c.metrics for c in of_balls.cases if (c.case, c.row, c.grid) == (case.name, "sadm_res", "model")]
    threshold = model.calibration["sadm_res"]["healthy"].value
    brain = to_zyx(scan.mask.data)
    # The ellipsoid of a made brain is laid into a box of another size: a grid voxel is not one of 2 mm in it.
    affine = np.linalg.inv(scan.model_from_world) @ scan.grid.affine
    assert found == case_metrics(score, threshold, lesion, brain, affine[:, [2, 1, 0, 3]], slices_along=0)
    assert found["lesion_ml"] == pytest.approx(lesion.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000)
    assert abs(np.linalg.det(affine[:3, :3]) - 8.0) > 0.1


def test_constant_has_the_dice_of_the_whole_brain(of_balls):
    for metrics in (case.metrics for case in of_balls.cases if case.row == "constant" and case.grid == "native"):
        brain_ml = 1617.0
        share = metrics["lesion_ml"] / brain_ml
        assert metrics["dice_oracle"] == pytest.approx(2 * share / (1 + share), rel=0.02)


def test_the_policy_chooses_the_threshold(fitted):
    ill = fitted.cohort.split("test")
    (model,) = calibrate([load_model(fitted.stage_1)], ill[:1])
    (found,) = [
        case.metrics
        for case in evaluate_cohort([model], ill[1:], "lesion").cases
        if (case.row, case.grid) == ("cddpm", "native")
    ]
    other = replace(model.calibration["cddpm"]["lesion"], value=0.9999)
    changed = replace(model, calibration={row: {"lesion": other} for row in (*DETECTORS, "cddpm")})
    (high,) = [
        case.metrics
        for case in evaluate_cohort([changed], ill[1:], "lesion").cases
        if (case.row, case.grid) == ("cddpm", "native")
    ]
    assert high["volume_ml"] < found["volume_ml"]
    assert (high["dice_oracle"], high["auprc"]) == (found["dice_oracle"], found["auprc"])


def test_further_models_add_their_own_rows_to_the_same_scans(fitted):
    main = fitted.load()
    (control,) = calibrate([replace(main, reference="input")], fitted.cohort.split("calibration"))
    found = evaluate_cohort([main, control], fitted.cohort.split("test")[:1])
    rows = [case.row for case in found.cases if case.grid == "native"]
    assert rows == [*ROWS, "unet_res_input", "sadm_res_input"]
    alone = evaluate_cohort([main], fitted.cohort.split("test")[:1])
    assert found.cases[: len(alone.cases)] == alone.cases
    assert [picture.row for picture in found.gallery] == ["sadm_res"]


def test_a_sham_lesion_is_compared_with_the_same_head_without_paint(tmp_path, fitted):
    cohort = simulate(tmp_path, [Group("sham", 1, "test"), Group("stroke", 1, "test")], 0, spacing_mm=4.0)
    model = fitted.load()
    cases = [case for case in evaluate_cohort([model], cohort).cases if case.grid == "native"]
    excess = {(case.test_set, case.row): case.metrics["excess_over_twin"] for case in cases}
    assert all(excess["stroke", row] is None for row in ROWS)  # a stroke has no twin here: it is to be found
    assert excess["sham", "constant"] == pytest.approx(0.0, abs=1e-6)

    sham = cohort[0]
    scan = read_case(sham, GRIDS["small"], "brainbox")
    inside = read_lesion(sham, scan).lesion.data & scan.native_mask.data
    healthy = make_scan(int(sham.columns["seed"]), "healthy", 4.0)
    twin = prepare_scan(healthy.image, GRIDS["small"], healthy.brain_mask)
    inference = Inference(model)
    painted, plain = (
        native_scores(each, inference.rows(each, inference.branches(each)))["zmap"][inside].mean(dtype=float)
        for each in (scan, twin)
    )
    assert excess["sham", "zmap"] == pytest.approx(painted - plain, abs=1e-6)


def test_a_simulated_scan_on_another_grid_has_no_twin(tmp_path, fitted):
    """Its twin would be made where the scan lay before."""
    (case,) = simulate(tmp_path / "made", [Group("sham", 1, "test")], 0, spacing_mm=4.0)
    files = {}
    for kind in ("image", "brain_mask", "lesion_mask"):
        volume = read_volume(getattr(case, kind))
        files[kind] = tmp_path / f"{kind}.nii.gz"
        write_volume(replace(volume, data=volume.data[1:], affine=volume.affine), files[kind])
    found = evaluate_cohort([fitted.load()], Cohort([replace(case, **files)]))
    assert {metrics.metrics["excess_over_twin"] for metrics in found.cases} == {None}


def test_a_sham_case_that_was_not_simulated_has_no_twin(fitted):
    case = replace(fitted.cohort.split("test")[0], pathology="sham")
    found = evaluate_cohort([fitted.load()], type(fitted.cohort)([case]))
    assert {metrics.metrics["excess_over_twin"] for metrics in found.cases} == {None}


def test_the_gallery_keeps_the_best_and_the_worst_of_a_set(of_balls):
    dices = {
        case.case: case.metrics["dice_oracle"]
        for case in of_balls.cases
        if (case.row, case.grid) == ("sadm_res", "native")
    }
    best, worst = sorted(dices, key=dices.__getitem__, reverse=True)
    assert [(picture.title, picture.place) for picture in of_balls.gallery] == [(best, "best"), (worst, "worst")]


def test_without_pictures_the_cases_are_the_same(of_balls, fitted):
    found = evaluate_cohort([fitted.load()], fitted.cohort.split("test"), pictures=False)
    assert found.cases == of_balls.cases
    assert found.gallery == []


def test_results_are_the_means_of_the_cases(tmp_path, of_balls):
    write_results(RunFolder(tmp_path), of_balls, **TEXT)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results == summarise(of_balls.cases)
    values = [c.metrics["auprc"] for c in of_balls.cases if (c.row, c.grid) == ("zmap", "native")]
    assert results["zmap"]["ball"]["auprc"] == pytest.approx(np.mean(values))
    on_grid = json.loads((tmp_path / "results_model_grid.json").read_text())
    assert on_grid == summarise(of_balls.cases, grid="model")
    verdicts = json.loads((tmp_path / "verdicts.json").read_text())
    assert verdicts[0]["claim"].startswith("claim 1")
    assert {verdict["test_set"] for verdict in verdicts} == {"ball"}


def test_scans_whose_pathology_is_not_told_are_healthy_or_have_a_lesion(fitted):
    bare = Cohort(replace(case, pathology="") for case in fitted.cohort.split("test"))
    scans = Cohort([bare[0], replace(bare[1], lesion_mask=None)])
    found = evaluate_cohort([fitted.load()], scans, pictures=False)
    assert {case.case: case.test_set for case in found.cases} == {scans[0].name: "lesion", scans[1].name: "healthy"}
