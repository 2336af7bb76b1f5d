"""Scans and cohorts that cannot be used end with exit code 2 and one clear line; nothing is written."""

from __future__ import annotations

import re
import shutil

import pytest

from bad_scans import BAD_SCANS, write_brain
from pseudohealthy.io.cohort import read_cohort


@pytest.mark.parametrize("kind", BAD_SCANS)
def test_a_bad_scan_is_refused(kind, tmp_path, fitted, refuse):
    make, said = BAD_SCANS[kind]
    scan = make(tmp_path / "scan.nii.gz")
    refuse("predict", fitted.model, scan, "--out", tmp_path / "out", said=said)


def test_an_empty_output_folder_stays_there_and_empty(tmp_path, fitted, refuse):
    (tmp_path / "out").mkdir()
    make, said = BAD_SCANS["whole head"]
    refuse("predict", fitted.model, make(tmp_path / "scan.nii.gz"), "--out", tmp_path / "out", said=said)


def test_folders_above_the_output_folder_are_not_left_behind(tmp_path, fitted, refuse):
    make, said = BAD_SCANS["whole head"]
    refuse("predict", fitted.model, make(tmp_path / "scan.nii.gz"), "--out", tmp_path / "a" / "b" / "out", said=said)


@pytest.mark.parametrize("command", ["calibrate", "evaluate", "train reconstructor", "train segmenter"])
def test_a_bad_scan_in_a_cohort_is_refused_by_every_command(command, tmp_path, fitted, refuse, table):
    split = {"calibrate": "calibration", "evaluate": "test", "train reconstructor": "train"}.get(command, "annotated")
    image = next(case.image for case in fitted.cohort.split(split))
    bad = BAD_SCANS["NaN"][0](tmp_path / "bad.nii.gz")
    model = fitted.copy_of_model(tmp_path / "model")
    data = table(lambda text: text.replace(str(image), str(bad)))
    arguments = {
        "calibrate": ("calibrate", model, data),
        "evaluate": ("evaluate", model, data, "--out", tmp_path / "out"),
        "train reconstructor": (*command.split(), "--data", data, "--config", "smoke", "--out", tmp_path / "out"),
        "train segmenter": (
            *(*command.split(), "--reconstructor", fitted.stage_1),
            *("--data", data, "--config", "smoke", "--out", tmp_path / "out"),
        ),
    }[command]
    refuse(*arguments, said="NaN or infinity in 1 voxels")


@pytest.mark.parametrize("stage", ["reconstructor", "segmenter"])
def test_the_same_subject_in_two_splits_is_refused(stage, tmp_path, fitted, refuse, table):
    data = table(lambda text: text.replace("\tsub-03\t", "\tsub-00\t"))
    assert [case.subject for case in read_cohort(data)][:4] == ["sub-00", "sub-01", "sub-02", "sub-00"]
    stage_1 = ("--reconstructor", fitted.stage_1) if stage == "segmenter" else ()
    arguments = ("train", stage, *stage_1, "--data", data, "--config", "smoke", "--out", tmp_path / "out")
    refuse(*arguments, said="on two sides: train (sub-00) and validation (sub-03)")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.mkdir(), "found no scan"),
        (lambda p: write_brain(p / "person" / "t1.nii.gz"), "found no scan in it, but 1 NIfTI files in folders below"),
        (lambda p: p.with_suffix(".tsv").write_text("image\tsplit\n"), "no rows"),
        (lambda p: p.with_suffix(".tsv").write_text("scan\tsplit\na\ttest\n"), "no column 'image'"),
        (lambda p: p.with_suffix(".tsv").write_text("image\nabsent.nii.gz\n"), "which does not exist"),
    ],
    ids=[
        "empty folder",
        "scans further down",
        "table without rows",
        "table without images",
        "table with a missing file",
    ],
)
@pytest.mark.parametrize("command", ["predict", "calibrate", "evaluate", "split", "train reconstructor"])
def test_an_empty_cohort_is_refused(make, said, command, tmp_path, fitted, refuse):
    make(tmp_path / "data")
    data = next(tmp_path.iterdir())
    out = ("--out", tmp_path / "out")
    arguments = {
        "predict": ("predict", fitted.model, data, *out),
        "calibrate": ("calibrate", fitted.model, data),
        "evaluate": ("evaluate", fitted.model, data, *out),
        "split": ("split", data, "--out", tmp_path / "split.tsv", "--share", "train=0.5", "test=0.5"),
        "train reconstructor": ("train", "reconstructor", "--data", data, "--config", "smoke", *out),
    }[command]
    refuse(*arguments, said=said)


@pytest.mark.parametrize(
    ("arguments", "lacks", "said"),
    [
        (("train", "reconstructor", "--config", "smoke"), "train", "of its cohort table ('train')"),
        (("train", "reconstructor", "--config", "smoke"), "validation", "of its cohort table ('validation')"),
        (("train", "segmenter", "--config", "smoke", "--reconstructor", "MODEL"), "annotated", "no annotated scans"),
        (("train", "segmenter", "--config", "smoke", "--reconstructor", "MODEL"), "validation", "Stage II: found none"),
        (("calibrate", "MODEL"), "calibration", "calibration scans: found none"),
        (("calibrate", "MODEL", "--split", "calibration"), "calibration", "split 'calibration': found no scan of it"),
        (("evaluate", "MODEL"), "test", "test scans: found none"),
        (("evaluate", "MODEL", "--split", "test"), "test", "split 'test': found no scan of it (splits: train, "),
        (("predict", "MODEL", "--split", "test"), "test", "split 'test': found no scan of it (splits: train, "),
    ],
)
def test_a_cohort_without_the_split_that_is_needed_is_refused(arguments, lacks, said, tmp_path, fitted, refuse, table):
    data = table(lambda text: "".join(line for line in text.splitlines(True) if f"\t{lacks}\t" not in line))
    filled = [fitted.model if word == "MODEL" else word for word in arguments]
    filled += ["--data", data] if "train" in arguments else [data]
    filled += [] if "calibrate" in arguments else ["--out", tmp_path / "out"]
    refuse(*filled, said=said)


@pytest.mark.parametrize("command", ["calibrate", "evaluate"])
def test_a_split_is_asked_for_in_vain_where_no_scan_has_one(command, tmp_path, fitted, refuse, table):
    data = table(lambda text: re.sub(r"\t(train|annotated|validation|calibration|test)\t", r"\tn/a\t", text))
    model = fitted.copy_of_model(tmp_path / "model")
    out = ("--out", tmp_path / "out") if command == "evaluate" else ()
    refuse(command, model, data, "--split", "test", *out, said="split 'test': found no scan of it (splits: none)")


def test_validation_scans_that_all_have_a_mask_are_not_said_to_be_absent(tmp_path, fitted, refuse, table):
    lesion = f"{fitted.table.parent}/sub-04_label-L_mask.nii.gz"
    data = table(lambda text: re.sub(r"\tn/a(\tsub-03\tn/a\tn/a\tvalidation)", rf"\t{lesion}\1", text))
    arguments = ("train", "reconstructor", "--data", data, "--config", "smoke", "--out", tmp_path / "out")
    refuse(*arguments, said="validation scans of Stage I: found no scan without a lesion mask")


def test_annotated_scans_are_not_taken_for_healthy_ones(tmp_path, refuse, table):
    data = table(lambda text: text.replace("\tannotated\t", "\ttrain\t"))
    arguments = ("train", "reconstructor", "--data", data, "--config", "smoke", "--out", tmp_path / "out")
    refuse(*arguments, said="lesions in sub-04, sub-05; needed healthy scans alone")


@pytest.mark.parametrize(("command", "split"), [("calibrate", "calibration"), ("evaluate", "test")])
def test_patients_without_a_lesion_mask_are_not_taken_for_healthy(command, split, tmp_path, fitted, refuse, table):
    row = "\thealthy" if split == "calibration" else "\tball"
    data = table(
        lambda text: re.sub(rf"\S+_label-L_mask.nii.gz(?=\t.*\t{split})", "n/a", text).replace(
            f"\t{split}{row}", f"\t{split}\tstroke"
        )
    )
    model = fitted.copy_of_model(tmp_path / "model")
    out = ("--out", tmp_path / "out") if command == "evaluate" else ()
    refuse(command, model, data, *out, said="whose pathology is not 'healthy'")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("calibrate", "MODEL", "DATA", "--split", "train"), "calibration scans: found sub-00, sub-01, sub-02"),
        (("calibrate", "MODEL", "DATA", "--split", "annotated"), "calibration scans: found sub-04, sub-05"),
        (("evaluate", "MODEL", "DATA", "--split", "train", "--out", "OUT"), "test scans: found sub-00"),
        (("evaluate", "MODEL", "DATA", "--split", "annotated", "--out", "OUT"), "test scans: found sub-04"),
    ],
)
def test_scans_that_the_model_was_trained_on_are_refused(arguments, said, tmp_path, fitted, refuse):
    model = fitted.copy_of_model(tmp_path / "model")
    places = {"MODEL": model, "DATA": fitted.table, "OUT": tmp_path / "out"}
    refuse(*(places.get(word, word) for word in arguments), said=f"{said}")


def test_a_copy_under_another_name_is_the_same_scan(tmp_path, fitted, refuse):
    shutil.copy(fitted.cohort[0].image, tmp_path / "somebody.nii.gz")
    refuse("evaluate", fitted.model, tmp_path / "somebody.nii.gz", "--out", tmp_path / "out", said="has learned")


def test_stage_two_is_not_annotated_with_scans_of_stage_one(tmp_path, fitted, refuse, table):
    lesion = f"{fitted.table.parent}/sub-04_label-L_mask.nii.gz"
    data = table(lambda text: re.sub(r"(\tn/a)\tn/a(\tsub-00\tn/a\tn/a)\ttrain", rf"\1\t{lesion}\2\tannotated", text))
    arguments = ("--reconstructor", fitted.stage_1, "--config", "smoke", "--out", tmp_path / "out")
    refuse("train", "segmenter", "--data", data, *arguments, said="annotated scans: found sub-00")
