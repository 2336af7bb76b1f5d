import json
import shutil

import numpy as np
import pytest

from bad_scans import BAD_SCANS
from conftest import make_brain
from made_cohort import with_ball
from pseudohealthy.errors import CohortError, ImageError, PartialFailure
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.volume import write_volume
from pseudohealthy.workflows.check_cohort import check_cohort
from pseudohealthy.workflows.check_table import as_text

SPACING_MM = (5.0, 5.0, 5.0)


@pytest.fixture
def cohort(tmp_path):
    """A patient with a lesion and a speck, a healthy person, a patient without a mask, a NaN, a wrong mask, a copy."""
    image, ball = with_ball(make_brain(SPACING_MM), (30, 10, 20))
    mask = ball.data.copy()
    mask[8, 8, 8] = True  # 0.125 ml: a lesion of its own
    write_volume(image, tmp_path / "ill.nii.gz")
    labels = mask.astype(np.uint8) + np.uint8(2) * (np.indices(mask.shape)[0] == 2)
    write_volume(ball.like(labels), tmp_path / "ill_seg.nii.gz")
    write_volume(make_brain([[0, 0, 5.0], [5, 0, 0], [0, 5, 0]], seed=1), tmp_path / "well.nii.gz")
    write_volume(make_brain(SPACING_MM, seed=2), tmp_path / "bare.nii.gz")
    write_volume(ball.like(np.uint8(3) * mask), tmp_path / "threes.nii.gz")
    BAD_SCANS["NaN"][0](tmp_path / "nan.nii.gz")
    shutil.copy(tmp_path / "bare.nii.gz", tmp_path / "copy.nii.gz")
    meaning = {"lesion_labels": (1,), "ignored_labels": (2,)}
    return Cohort(
        [
            Case("ill", tmp_path / "ill.nii.gz", None, tmp_path / "ill_seg.nii.gz", pathology="wmh", **meaning),
            Case("well", tmp_path / "well.nii.gz", pathology="healthy"),
            Case("bare", tmp_path / "bare.nii.gz", pathology="stroke"),
            Case("nan", tmp_path / "nan.nii.gz"),
            Case("threes", tmp_path / "ill.nii.gz", None, tmp_path / "threes.nii.gz", subject="ill"),
            Case("copy", tmp_path / "copy.nii.gz"),
        ],
        ["a note"],
    )


@pytest.fixture
def checked(cohort):
    return check_cohort(cohort)


def test_every_case_is_told_with_what_is_there(checked):
    ill, well, *_ = checked.cases
    assert ill.facts.orientation == "RAS"
    assert well.facts.orientation == "ASR"
    assert ill.lesions == 2
    assert ill.lesion_ml == pytest.approx(33.5, abs=1.5)
    assert set(ill.labels_ml) == {"1", "2"}
    assert (well.lesions, well.lesion_ml, well.labels_ml) == (None, None, {})
    assert not ill.errors


def test_what_is_wrong_is_told_by_case_and_does_not_stop_the_others(checked):
    errors = {item.case.name: [str(error) for error in item.errors] for item in checked.cases if item.errors}
    assert set(errors) == {"nan", "threes"}
    assert "NaN or infinity" in errors["nan"][0]
    assert "a lesion mask with the values 3" in errors["threes"][0]
    assert set(checked.cases[4].labels_ml) == {"3"}
    bare = checked.cases[2]
    assert "No lesion mask, though its pathology is 'stroke'." in bare.remarks


def test_the_same_scan_under_two_names_is_told_and_of_one_subject_too(checked):
    same = {(pair.first, pair.second) for pair in checked.pairs if pair.same_voxels}
    assert same == {("bare", "copy"), ("ill", "threes")}


def test_the_exit_tells_how_many_cannot_be_used(checked, cohort):
    with pytest.raises(PartialFailure) as caught:
        checked.fail_if_unusable()
    assert set(caught.value.failures) == {"nan", "threes"}
    with pytest.raises(ImageError, match="NaN"):
        check_cohort(cohort.where(name="nan")).fail_if_unusable()
    check_cohort(cohort.where(name="well")).fail_if_unusable()
    with pytest.raises(CohortError, match="scans to check: found none"):
        check_cohort(Cohort([]))


def test_as_json_it_is_complete_and_has_null_for_what_is_not_known(checked):
    content = json.loads(json.dumps(checked.as_json(), allow_nan=False))
    assert (content["n"], content["unusable"], content["notes"]) == (6, 2, ["a note"])
    ill, nan = content["cases"][0], content["cases"][3]
    assert ill["lesions"] == 2
    assert ill["spacing_mm"] == pytest.approx([5, 5, 5])
    assert ill["usable"]
    assert (nan["shape"], nan["brain_ml"], nan["usable"]) == (None, None, False)
    assert len(nan["errors"]) == 1
    assert {"first": "bare", "second": "copy", "same_voxels": True, "similarity": pytest.approx(1.0)} in content[
        "same_brain"
    ]


def test_as_text_there_is_a_row_a_case_and_a_sentence_for_what_is_wrong(checked):
    lines = as_text(checked).splitlines()
    assert lines[0].split() == ["case", "shape", "mm", "axes", "values", "brain", "lesions"]
    ill, nan = lines[1], lines[4]
    assert "5 x 5 x 5" in ill
    assert "2, 3" in ill
    assert " ml" in ill
    assert nan.split() == ["nan", "-", "-", "-", "-", "-", "-", "unusable"]
    assert sum(line.startswith("  nan: ") for line in lines) == 1
    assert "  bare and copy: the same voxels" in lines
    assert lines[-1].startswith("6 cases of 5 subjects (2 with a lesion mask, 1 called healthy): 2 cannot be used")
