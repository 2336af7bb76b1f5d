"""Thresholds from calibration scans: what they promise, and what they are never found on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import make_brain
from made_cohort import write_made_cohort
from pseudohealthy.config import CalibrationSettings
from pseudohealthy.errors import CohortError, LeakError, ModelFolderError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.volume import write_volume
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.stages.calibrate import calibrate, native_scores
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import load_model, save_model
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.tensors import read_case
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import train_segmenter
from pseudohealthy.workflows.evaluate_cohort import evaluate_cohort

ROWS = ["constant", "threshold", "threshold_dark", "zmap", "zmap_dark", "cddpm", "unet_res", "sadm_res"]


def above_ml(model, case):
    """Row -> function of a threshold: ml of one scan above it, in the scan's own grid."""
    inference = Inference(model)
    scan = read_case(case, GRIDS[model.recipe.grid], model.recipe.space)
    scores = native_scores(scan, inference.rows(scan, inference.branches(scan)))
    brain, voxel_ml = scan.native_mask.data, scan.native.voxel_ml
    return {
        row: lambda value, score=score: float((score[brain] > value).sum() * voxel_ml) for row, score in scores.items()
    }


def test_healthy_scans_alone_give_the_lowest_threshold_that_keeps_its_promise_and_no_other(fitted):
    model = fitted.load()
    assert list(model.calibration) == ROWS
    per_scan = [above_ml(model, case) for case in fitted.cohort.split("calibration")]
    for row, policies in model.calibration.items():
        assert list(policies) == ["healthy"]
        threshold = policies["healthy"]
        volumes = [volume[row] for volume in per_scan]
        assert all(volume(threshold.value) <= 1.0 for volume in volumes)
        assert any(volume(threshold.value - 1e-5) > 1.0 for volume in volumes)
        assert (threshold.n, threshold.max_healthy_ml) == (2, 1.0)
        assert threshold.risk == pytest.approx(1 / 3)
        assert threshold.statement.startswith("n = 2: no guarantee below 33.3 % (chance that")


def test_no_threshold_is_degenerate_even_of_networks_that_learned_for_two_steps(fitted):
    for row, policies in fitted.load().calibration.items():
        assert 0 < policies["healthy"].value < 1, row


def test_nine_healthy_scans_give_the_guarantee(tmp_path, fitted):
    cohort = write_made_cohort(tmp_path, {"train": ("healthy", 10), "calibration": ("healthy", 9)})
    (model,) = calibrate([load_model(fitted.stage_1)], cohort.split("calibration"))
    threshold = model.calibration["cddpm"]["healthy"]
    assert threshold.risk == pytest.approx(0.1)
    assert threshold.statement == "n = 9: at most 10 % chance that a new healthy scan has more than 1 ml above it"
    assert threshold.value == max(threshold.per_scan)
    assert len(threshold.per_scan) == 9


def test_annotated_scans_give_the_lesion_policy_and_are_not_taken_for_healthy_ones(fitted):
    model = load_model(fitted.uncalibrated)
    healthy, ill = fitted.cohort.split("calibration"), fitted.cohort.split("test")
    (both,) = calibrate([model], Cohort([*healthy, *ill]))
    (ill_alone,) = calibrate([model], ill)
    for row in ROWS:
        assert {policy: found.n for policy, found in both.calibration[row].items()} == {"healthy": 2, "lesion": 2}
        assert list(ill_alone.calibration[row]) == ["lesion"]
        assert both.calibration[row]["lesion"] == ill_alone.calibration[row]["lesion"]
        assert both.calibration[row]["healthy"] == fitted.load().calibration[row]["healthy"]


def test_an_empty_lesion_mask_is_that_of_a_healthy_scan(tmp_path, fitted):
    case = fitted.cohort.split("calibration")[0]
    brain = make_brain((5.0, 5.0, 5.0))
    write_volume(brain.like(np.zeros(brain.shape, bool)), tmp_path / "empty.nii.gz")
    model = load_model(fitted.stage_1)
    (with_mask,) = calibrate([model], Cohort([replace(case, lesion_mask=tmp_path / "empty.nii.gz")]))
    (without,) = calibrate([model], Cohort([case]))
    assert with_mask.calibration == without.calibration
    assert list(with_mask.calibration["cddpm"]) == ["healthy"]


@pytest.mark.parametrize(
    ("pathology", "lesion", "told"),
    [
        ("tumour", "nowhere", r"sub-06 \(pathology 'tumour'\) without a lesion that counts inside its brain mask"),
        ("healthy", "outside the brain", "without a lesion that counts"),
        ("", "ignored", "without a lesion that counts"),
        ("sham", "in the brain", "sub-06, with paint that is no lesion"),
    ],
)
def test_a_scan_that_is_neither_healthy_nor_ill_is_refused(tmp_path, fitted, pathology, lesion, told):
    case = fitted.cohort.split("calibration")[0]
    brain = make_brain((5.0, 5.0, 5.0))
    data = np.zeros(brain.shape, np.uint8)
    place = (0, 0, 0) if lesion == "outside the brain" else tuple(n // 2 for n in brain.shape)
    data[place] = {"nowhere": 0, "ignored": 2}.get(lesion, 1)
    write_volume(brain.like(data), tmp_path / "mask.nii.gz")
    case = replace(case, name="sub-06", pathology=pathology, lesion_mask=tmp_path / "mask.nii.gz", ignored_labels=(2,))
    with pytest.raises(CohortError, match=told):
        calibrate([load_model(fitted.stage_1)], Cohort([case]))


def test_settings_of_the_recipe_hold_unless_others_are_given(fitted):
    model = load_model(fitted.stage_1)
    scans = fitted.cohort.split("calibration")
    wide = CalibrationSettings(max_healthy_ml=50.0, alpha=0.5)
    (given,) = calibrate([model], scans, wide)
    (stored,) = calibrate([replace(model, recipe=replace(model.recipe, calibration=wide))], scans)
    assert given.calibration == stored.calibration
    one, fifty = fitted.load().calibration["zmap"]["healthy"], given.calibration["zmap"]["healthy"]
    assert fifty.value < one.value
    assert (fifty.max_healthy_ml, fifty.risk) == (50.0, pytest.approx(1 / 3))


def test_models_that_share_stage_one_are_calibrated_as_each_alone(fitted):
    models = [load_model(fitted.uncalibrated), load_model(fitted.stage_1)]
    told = []
    both = calibrate(models, fitted.cohort.split("calibration"), advance=lambda: told.append(1))
    assert len(told) == 2
    alone = [calibrate([model], fitted.cohort.split("calibration"))[0] for model in models]
    assert [model.calibration for model in both] == [model.calibration for model in alone]
    assert [dict(model.calibration) for model in models] == [{}, {}]


def test_models_of_different_reconstructors_are_refused(fitted):
    other = load_model(fitted.stage_1)
    for parameter in other.reconstructor.parameters():
        parameter.add_(1.0)
    with pytest.raises(ModelFolderError, match="another reconstructor"):
        calibrate([fitted.load(), other], fitted.cohort.split("calibration"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"map": "absolute"}, "score.map absolute, where the first model has ssim"),
        ({"median_voxels": 3}, "voxels 3, w"),
    ],
)
def test_models_of_different_unsupervised_maps_are_refused(changed, said, fitted):
    one, other = fitted.load(), load_model(fitted.stage_1)
    recipe = replace(other.recipe, score=replace(other.recipe.score, **changed))
    with pytest.raises(ModelFolderError, match=said):
        calibrate([one, replace(other, recipe=recipe)], fitted.cohort.split("calibration"))


def test_of_a_persons_scans_the_one_that_asks_for_most_counts(fitted):
    model, (first, second) = load_model(fitted.stage_1), fitted.cohort.split("calibration")
    told = {}
    (alone,) = calibrate([model], Cohort([first, second]), asked=lambda row, name, low: told.update({(row, name): low}))
    again = replace(second, name="sub-again", subject=first.subject)
    (same,) = calibrate([model], Cohort([first, again]))
    for row, policies in same.calibration.items():
        lowest = [told[row, case.name] for case in (first, second)]
        assert policies["healthy"].per_scan == (max(lowest),)
        assert alone.calibration[row]["healthy"].per_scan == tuple(sorted(lowest))
        assert policies["healthy"].statement.startswith("n = 1: no guarantee below 50 %")


def test_scans_that_the_thresholds_were_found_on_are_no_test(tmp_path, fitted):
    (model,) = calibrate([load_model(fitted.stage_1)], fitted.cohort.split("calibration"))
    save_model(model, tmp_path / "model")
    loaded, first = load_model(tmp_path / "model"), fitted.cohort.split("calibration")[0]
    assert loaded.calibration == model.calibration
    copy = shutil.copy(first.image, tmp_path / "another-name.nii.gz")
    with pytest.raises(LeakError, match="found renamed, on which the model's thresholds were found"):
        evaluate_cohort([loaded], Cohort([replace(first, name="renamed", image=Path(copy))]))


def test_healthy_scans_that_stage_two_painted_on_are_refused(tmp_path, fitted):
    healthy = fitted.cohort.split("calibration")  # which Stage I has not seen
    recipe = load_recipe("smoke", ["supervision.synthetic=blobs", "segmenter_training.steps=1"])
    scans = Supervision(healthy, Cohort(()), fitted.cohort.split("validation"))
    model = train_segmenter(load_model(fitted.stage_1), scans, recipe, RunFolder(tmp_path / "run"))
    assert list(model.trained_on) == ["reconstructor", "segmenter", "painted"]
    with pytest.raises(LeakError, match="from which the model has learned"):
        calibrate([load_model(tmp_path / "run/model")], healthy)


def test_a_patient_without_mask_is_no_healthy_scan_of_either_stage(tmp_path, fitted):
    train, validation = fitted.cohort.split("train"), fitted.cohort.split("validation")
    ill = [Cohort([replace(cohort[0], pathology="stroke")]) for cohort in (train, validation)]
    recipe = load_recipe("smoke", ["supervision.synthetic=blobs", "segmenter_training.steps=1"])
    for scans in (Supervision(ill[0], Cohort(()), validation), Supervision(train, Cohort(()), ill[1])):
        with pytest.raises(CohortError, match="whose pathology is not 'healthy'"):
            train_segmenter(load_model(fitted.stage_1), scans, recipe, RunFolder(tmp_path / "run"))
        with pytest.raises(CohortError, match="whose pathology is not 'healthy'"):
            train_reconstructor(scans.healthy, scans.validation, recipe, RunFolder(tmp_path / "run"))


@pytest.mark.parametrize("split", ["train", "annotated"])
def test_scans_that_a_stage_learned_from_are_refused(split, fitted):
    with pytest.raises(LeakError, match="from which the model has learned"):
        calibrate([fitted.load()], fitted.cohort.split(split))


def test_no_scans_are_refused(fitted):
    with pytest.raises(CohortError, match="at least one healthy or annotated scan"):
        calibrate([fitted.load()], Cohort(()))
