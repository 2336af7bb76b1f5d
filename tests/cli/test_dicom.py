"""DICOM through the command line: in, out, and what is told of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from conftest import make_brain
from made_dicom import LPS, STORAGES, is_told, telling, write_series
from pseudohealthy.cli import main
from pseudohealthy.io.volume import Volume, write_volume
from trees import tree

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("highdicom")
pytest.importorskip("dcm2niix")

AXES = LPS * 5.0


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def head(axes: object = AXES) -> Volume:
    """A brain in something that is not 0."""
    brain = make_brain(axes)
    return brain.like(np.where(brain.data > 0, brain.data, 150 + 30 * np.random.default_rng(0).random(brain.shape)))


@pytest.fixture
def finds_the_brain(monkeypatch):
    """Stands for a tool: the brain is what is bright."""

    def strip_head(image: Volume, tool: str) -> Volume:
        assert tool == "deepbet"
        return image.like(image.data > 220)

    monkeypatch.setattr("pseudohealthy.stages.tensors.strip_head", strip_head)


def test_a_series_is_scored_and_comes_back_as_dicom_seg(tmp_path, fitted, capsys):
    write_series(tmp_path / "scan", make_brain(AXES), number=4)
    out = tmp_path / "out"
    assert run("predict", fitted.model, tmp_path / "scan", "--out", out, "--threshold", "0.1", "--dicom-seg") == 0
    said = capsys.readouterr().err
    told = r"(series-[0-9a-f]{8}): series number 4 \(\1\): MR, 29 images, axial, 5.00 x 5.00 x 5.00 mm"
    name = re.search(told, said)[1]
    assert tree(out).replace(name, "series-1a2b3c4d").splitlines() == [
        "config.yaml",
        "dataset_description.json",
        "dicom/series-1a2b3c4d.nii.gz",
        "log.txt",
        "predictions.tsv",
        "provenance.json",
        "series-1a2b3c4d.html",
        "series-1a2b3c4d_space-orig_desc-pseudohealthy_T1w.nii.gz",
        "series-1a2b3c4d_space-orig_label-L_mask.dcm",
        "series-1a2b3c4d_space-orig_label-L_mask.nii.gz",
        "series-1a2b3c4d_space-orig_label-L_probseg.dcm",
        "series-1a2b3c4d_space-orig_label-L_probseg.nii.gz",
        "series-1a2b3c4d_space-orig_label-L_report.json",
    ]
    stem = out / f"{name}_space-orig_label-L"
    binary, fractional = (pydicom.dcmread(f"{stem}_{kind}.dcm") for kind in ("mask", "probseg"))
    mask, score = (nib.load(f"{stem}_{kind}.nii.gz").get_fdata() for kind in ("mask", "probseg"))
    assert binary.pixel_array.sum() == mask.sum() > 0
    assert fractional.pixel_array.sum() / 255 == pytest.approx(score.sum(), rel=0.02)
    (algorithm,) = binary.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmParameters == "method=sadm_res,threshold=0.1 (given)"


def test_the_voxels_of_a_converted_series_are_scored_as_those_of_the_nifti_file(tmp_path, fitted):
    brain = make_brain(AXES)
    write_series(tmp_path / "scan", brain)
    write_volume(brain.like(np.rint(brain.data)), tmp_path / "plain.nii.gz")
    assert run("predict", fitted.model, tmp_path / "scan", tmp_path / "plain.nii.gz", "--out", tmp_path / "out") == 0
    found = [
        nib.as_closest_canonical(nib.load(path)) for path in sorted((tmp_path / "out").glob("*_label-L_probseg.nii.gz"))
    ]
    np.testing.assert_allclose(found[0].affine, found[1].affine, atol=1e-4)
    np.testing.assert_allclose(found[0].get_fdata(), found[1].get_fdata(), atol=1e-3)


def test_no_name_date_or_id_of_a_header_reaches_what_is_written_or_said(tmp_path, fitted, finds_the_brain, capsys):
    inputs = tmp_path / "Zyxwvq 19470317"
    write_series(inputs, head(), edit=telling, name="Zyxwvq_{}.dcm".format)
    out = tmp_path / "out"
    options = ("--branches", "--strip", "deepbet", "--dicom-seg", "-v")
    assert run("predict", fitted.model, inputs, "--out", out, *options) == 0
    said = capsys.readouterr()
    segmentations = sorted(out.glob("*.dcm"))
    assert len(segmentations) == 2
    for path in segmentations:  # the standard wants the patient of the source in them
        assert "Zyxwvq" in str(pydicom.dcmread(path).PatientName)
        path.unlink()
    assert is_told(out, said.out, said.err) == []
    assert is_told(inputs) != []  # the search finds what it looks for


@pytest.mark.parametrize("command", [("check",), ("check", "--json"), ("prepare", "--space=native")])
def test_the_other_commands_tell_nothing_either(command, tmp_path, capsys):
    write_series(tmp_path / "in", make_brain(AXES), edit=telling, name="Zyxwvq_{}.dcm".format)
    out = (tmp_path / "out",) if "prepare" in command else ()
    assert run(*command, tmp_path / "in", *out) == 0
    assert is_told(tmp_path / "out", *capsys.readouterr()) == []


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize("options", [("--series", "99"), ("--dicom-seg",), ("--strip", "deepbet")])
def test_nor_does_it_where_a_series_is_refused(options, tmp_path, fitted, capsys, monkeypatch):
    def broken(dataset, k):
        telling(dataset, k)
        dataset.StudyDate = "the 17th of March"
        dataset.PatientSex = "Zyxwvq"

    write_series(tmp_path / "in", head(), edit=broken, name="Zyxwvq_{}.dcm".format)
    nothing = "pseudohealthy.prepare.whole_head.find_brain", lambda image, tool: image.like(image.data > 1e5)
    monkeypatch.setattr(*nothing)
    assert run("predict", fitted.model, tmp_path / "in", "--out", tmp_path / "out", *options, "-v") == 2
    assert is_told(tmp_path / "nothing", *capsys.readouterr()) == []
    assert not (tmp_path / "out").exists()


def test_of_several_series_one_has_to_be_named(tmp_path, fitted, refuse, capsys):
    write_series(tmp_path / "scans" / "a", make_brain(AXES), number=2)
    write_series(tmp_path / "scans" / "b", make_brain(STORAGES["sagittal"]), number=7)
    write_series(tmp_path / "scans" / "c", make_brain(AXES), number=9, modality="SEG")
    arguments = ("predict", fitted.model, tmp_path / "scans", "--out", tmp_path / "out")
    refuse(*arguments, said="found 2 series of MR images: number 2 (series-")
    refuse(*arguments, "--series", "9", said="no series of MR images of the name 9; there are: number 2")
    assert run(*arguments, "--series", "7") == 0
    assert "series number 7" in capsys.readouterr().err
    assert len(list((tmp_path / "out" / "dicom").iterdir())) == 1


def test_dicom_seg_and_series_need_dicom(tmp_path, fitted, refuse):
    write_volume(make_brain(AXES), tmp_path / "scan.nii.gz")
    write_series(tmp_path / "dicom", make_brain(AXES))
    arguments = ("predict", "--out", tmp_path / "out", fitted.model, tmp_path / "scan.nii.gz")
    refuse(*arguments, "--dicom-seg", said="--dicom-seg: found an input that is not DICOM")
    refuse(*arguments, tmp_path / "dicom", "--dicom-seg", said="--dicom-seg: found an input that is not DICOM")
    refuse(*arguments, "--series", "3", said="--series 3: found no DICOM folder among the inputs")


def test_a_whole_head_is_refused_unless_a_tool_is_named(tmp_path, fitted, refuse, finds_the_brain, capsys):
    write_series(tmp_path / "dicom", head())
    arguments = ("predict", fitted.model, tmp_path / "dicom", "--out", tmp_path / "out")
    refuse(*arguments, said="--strip deepbet")
    refuse(*arguments, said="pseudohealthy prepare")
    assert run(*arguments, "--strip", "deepbet") == 0
    (report,) = (json.loads(path.read_text()) for path in (tmp_path / "out").glob("*_report.json"))
    assert any("found by deepbet" in warning for warning in report["warnings"])
    (mask,) = (nib.load(path) for path in (tmp_path / "out").glob("*_desc-brain_mask.nii.gz"))
    assert report["brain_ml"] == pytest.approx(mask.get_fdata().sum() * 0.125)
    assert 1300 < report["brain_ml"] < 1700


def test_a_stripped_scan_and_a_given_mask_are_not_stripped_again(tmp_path, fitted, monkeypatch):
    def never(image: Volume, tool: str) -> Volume:
        raise AssertionError

    monkeypatch.setattr("pseudohealthy.stages.tensors.strip_head", never)
    write_volume(make_brain(AXES), tmp_path / "in" / "stripped.nii.gz")
    write_volume(head(), tmp_path / "in" / "head.nii.gz")
    write_volume(head().like(make_brain(AXES).data > 0), tmp_path / "in" / "head_brain_mask.nii.gz")
    assert run("predict", fitted.model, tmp_path / "in", "--strip", "deepbet", "--out", tmp_path / "out") == 0
    for path in (tmp_path / "out").glob("*_report.json"):
        assert json.loads(path.read_text())["warnings"] == []


def test_a_tool_s_mask_that_is_no_brain_fails_its_scan_alone(tmp_path, fitted, monkeypatch, capsys):
    def half(image: Volume, tool: str) -> Volume:
        mask = image.data > 220
        mask[:, : image.shape[1] * 6 // 10] = False
        return image.like(mask)

    monkeypatch.setattr("pseudohealthy.prepare.whole_head.find_brain", half)
    write_volume(make_brain(AXES), tmp_path / "in" / "stripped.nii.gz")
    write_volume(head(), tmp_path / "in" / "head.nii.gz")
    assert run("predict", fitted.model, tmp_path / "in", "--strip", "deepbet", "--out", tmp_path / "out") == 3
    last = capsys.readouterr().err.splitlines()[-1]
    assert "1 of 2 cases failed: head (" in last
    assert "probably a part of a brain" in last
