"""`AnomalySegmenter`: the front door for Python."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from conftest import make_brain
from made_cohort import write_made_cohort
from pseudohealthy.api import AnomalySegmenter
from pseudohealthy.errors import CohortError, ConfigError, ImageError, LeakError, ModelFolderError, OutputError
from pseudohealthy.io.volume import Volume, read_volume, write_volume
from trees import tree


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory, made_cohort) -> AnomalySegmenter:
    run = tmp_path_factory.mktemp("api") / "run"
    fitted = AnomalySegmenter("smoke").fit(made_cohort, run).calibrate(made_cohort)
    assert {"stage-1/model/config.json", "stage-2/model/config.json"} <= set(tree(run).splitlines())
    return fitted


def test_fit_calibrate_predict_save_load(tmp_path, segmenter, made_cohort):
    case = made_cohort.split("test")[0]
    found = segmenter.predict(case.image)
    scan = read_volume(case.image)
    assert found.case is not None
    assert found.case.name == case.name
    assert found.threshold == segmenter.model_.calibration["sadm_res"]["healthy"]
    for volume in (found.score, found.mask, found.reconstruction):
        assert volume.shape == scan.shape
        np.testing.assert_array_equal(volume.affine, scan.affine)

    segmenter.save(tmp_path / "model")
    loaded = AnomalySegmenter.load(tmp_path / "model")
    assert loaded.recipe == segmenter.model_.recipe
    again = loaded.predict(scan)
    assert again.case is None
    for part in ("score", "mask", "reconstruction", "supervised"):
        np.testing.assert_array_equal(getattr(again, part).data, getattr(found, part).data)


def test_it_is_the_model_of_the_command_line(segmenter, fitted):
    """Same recipe, same scans, same seed: the same weights and thresholds, whichever door they came through."""
    by_stages = fitted.load()
    for name, weights in segmenter.model_.reconstructor.state_dict().items():
        np.testing.assert_array_equal(weights, by_stages.reconstructor.state_dict()[name])
    for name, weights in segmenter.model_.segmenter.state_dict().items():
        np.testing.assert_array_equal(weights, by_stages.segmenter.state_dict()[name])
    assert segmenter.model_.calibration == by_stages.calibration


def test_a_threshold_may_be_a_number_and_a_policy_must_be_stored(segmenter, made_cohort):
    scan = read_volume(made_cohort.split("test")[0].image)
    low, high = segmenter.predict(scan, threshold=0.01), segmenter.predict(scan, threshold=0.99)
    assert low.mask.data.sum() > high.mask.data.sum()
    np.testing.assert_array_equal(low.score.data, high.score.data)
    with pytest.raises(ModelFolderError, match="no 'lesion' threshold"):
        segmenter.predict(scan, threshold="lesion")


def test_the_brain_mask_beside_a_file_is_used_as_on_the_command_line(tmp_path, segmenter):
    brain = make_brain((5.0, 5.0, 5.0))
    inside = brain.like(brain.data != 0)
    head = brain.like(np.where(inside.data, brain.data, 90).astype(np.float32))
    write_volume(head, tmp_path / "head.nii.gz")
    with pytest.raises(ImageError, match="probably a whole head"):
        segmenter.predict(tmp_path / "head.nii.gz")
    write_volume(inside, tmp_path / "head_brain_mask.nii.gz")
    beside = segmenter.predict(tmp_path / "head.nii.gz")
    given = segmenter.predict(read_volume(tmp_path / "head.nii.gz"), brain_mask=inside)
    np.testing.assert_array_equal(beside.score.data, given.score.data)
    np.testing.assert_array_equal(beside.brain_mask.data, inside.data)


def test_a_folder_of_several_scans_is_not_one_scan(tmp_path, segmenter, made_cohort):
    for case in made_cohort.split("test"):
        shutil.copy(case.image, tmp_path)
    with pytest.raises(CohortError, match="found 2 scans; needed one"):
        segmenter.predict(tmp_path)


def test_without_annotated_scans_the_model_is_the_unsupervised_one(tmp_path):
    cohort = write_made_cohort(tmp_path, {"train": ("healthy", 1), "validation": ("healthy", 1)})
    segmenter = AnomalySegmenter("smoke", ["supervision.synthetic=none"]).fit(tmp_path / "cohort.tsv", tmp_path / "run")
    assert segmenter.model_.row == "cddpm"
    found = segmenter.predict(Volume(read_volume(cohort[0].image).data, np.diag([5.0, 5.0, 5.0, 1.0])), threshold=0.3)
    assert found.supervised is None


def test_healthy_scans_alone_are_enough_where_anomalies_are_painted(tmp_path):
    cohort = write_made_cohort(tmp_path, {"train": ("healthy", 1), "validation": ("healthy", 1)})
    segmenter = AnomalySegmenter("smoke", ["supervision.synthetic=blobs"])
    assert segmenter.fit(cohort, tmp_path / "run").model_.row == "sadm_res_blobs"


def test_annotated_validation_scans_are_left_to_the_second_stage(tmp_path):
    plan = {"train": ("healthy", 1), "validation": ("healthy", 1)}
    healthy = write_made_cohort(tmp_path / "healthy", plan)
    both = write_made_cohort(tmp_path / "both", plan | {"annotated": ("ball", 1), "test": ("ball", 1)})
    moved = (tmp_path / "both" / "cohort.tsv").read_text().replace("\ttest\t", "\tvalidation\t")
    (tmp_path / "both" / "cohort.tsv").write_text(moved)
    one = AnomalySegmenter("smoke").fit(healthy, tmp_path / "run-1").model_.metrics
    two = AnomalySegmenter("smoke").fit(tmp_path / "both", tmp_path / "run-2").model_.metrics
    assert len(both) == 4
    assert one["val_loss"] == two["val_loss"]
    assert "segmenter_val_dice" in two


def test_validation_scans_that_all_have_a_mask_are_told(tmp_path):
    cohort = write_made_cohort(tmp_path, {"train": ("healthy", 1), "validation": ("ball", 1)})
    with pytest.raises(CohortError, match="found no scan without a lesion mask"):
        AnomalySegmenter("smoke").fit(cohort, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_leak_between_splits_is_refused(tmp_path, made_cohort):
    text = (made_cohort[0].image.parent / "cohort.tsv").read_text().replace("\tsub-03\t", "\tsub-00\t")
    (tmp_path / "cohort.tsv").write_text(text.replace("\tsub-", f"\t{made_cohort[0].image.parent}/sub-"))
    with pytest.raises(LeakError, match="on two sides"):
        AnomalySegmenter("smoke").fit(tmp_path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_before_fit_there_is_nothing_to_ask(tmp_path):
    with pytest.raises(ConfigError, match=r"Call fit\(\.\.\.\) first"):
        AnomalySegmenter("smoke").save(tmp_path / "model")


@pytest.mark.parametrize("override", ["reconstructor={method: pii}", "supervision.synthetic_share=0.01"])
def test_a_second_stage_that_cannot_be_is_refused_before_the_first_is_trained(tmp_path, made_cohort, override):
    with pytest.raises((ModelFolderError, ConfigError), match=r"reconstructs nothing|at least one of each kind"):
        AnomalySegmenter("smoke", [override, "supervision.synthetic=draem"]).fit(made_cohort, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_is_not_saved_over_other_files(tmp_path, segmenter):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(OutputError, match="found a folder with files in it"):
        segmenter.save(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    segmenter.save(tmp_path, overwrite=True)
    assert AnomalySegmenter.load(tmp_path).model_.row == "sadm_res"
