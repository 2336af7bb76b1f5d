"""`check` and `split` through the command line: what they print, what they write, how they end."""

from __future__ import annotations

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from bad_scans import BAD_SCANS, write_brain
from conftest import make_brain
from made_cohort import with_folds
from pseudohealthy.cli import main
from pseudohealthy.io.cohort import Case, Cohort, read_cohort, write_cohort
from pseudohealthy.io.volume import read_volume, write_volume
from trees import snapshot


def run(*arguments):
    return main([str(argument) for argument in arguments])


def write_person(path, seed):
    write_volume(with_folds(make_brain((5.0, 5.0, 5.0), seed=seed), seed), path)


@pytest.fixture
def people(tmp_path):
    """Twelve people at two sites; the table, without splits."""
    cases = []
    for seed in range(12):
        path = tmp_path / "scans" / f"sub-{seed:02d}_T1w.nii.gz"
        path.parent.mkdir(exist_ok=True)
        write_person(path, seed)
        columns = {"age": str(20 + 5 * seed), "site": "AB"[seed % 2]}
        cases.append(Case(f"sub-{seed:02d}", path, pathology="healthy", columns=columns))
    write_cohort(Cohort(cases), tmp_path / "people.tsv")
    return tmp_path / "people.tsv"


def test_check_prints_a_table_and_ends_with_0(people, capsys):
    assert run("check", people) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1].startswith("sub-00  30x37x29  5 x 5 x 5  RAS")
    assert out.splitlines()[-1].startswith("12 cases of 12 subjects")
    assert err == ""


def test_check_ends_with_3_where_one_cannot_be_used_and_with_2_where_none_can(tmp_path, capsys):
    write_brain(tmp_path / "good.nii.gz")
    BAD_SCANS["NaN"][0](tmp_path / "bad.nii.gz")
    assert run("check", tmp_path) == 3
    out, err = capsys.readouterr()
    assert "1 cannot be used" in out
    assert err.startswith("pseudohealthy: 1 of 2 cases failed: bad (")
    assert run("check", tmp_path / "bad.nii.gz") == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split()[0] == "bad"
    assert "NaN or infinity in 1 voxels" in err


@pytest.mark.parametrize(
    "kind", [kind for kind in BAD_SCANS if kind not in ("whole head", "another kind of file", "missing file")]
)
def test_check_tells_every_bad_scan(kind, tmp_path, capsys):
    make, said = BAD_SCANS[kind]
    scan = make(tmp_path / "scan.nii.gz")
    before = snapshot(tmp_path)
    assert run("check", scan) == 2
    out, err = capsys.readouterr()
    assert said in out
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err
    assert snapshot(tmp_path) == before


def test_check_prints_json_alone_on_stdout(people, capsys):
    assert run("check", people, "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert [case["case"] for case in content["cases"]] == [f"sub-{n:02d}" for n in range(12)]
    assert content["same_brain"] == []


def test_split_keeps_the_same_brain_on_one_side_and_says_so(people, tmp_path, capsys):
    image = nib.load(tmp_path / "scans" / "sub-03_T1w.nii.gz")
    nib.Nifti1Image(image.get_fdata().astype(np.float32)[::-1] * 3, image.affine).to_filename(tmp_path / "again.nii.gz")
    cohort = read_cohort(people)
    write_cohort(Cohort([*cohort, Case("again", tmp_path / "again.nii.gz")]), tmp_path / "more.tsv")
    for seed in range(3):
        out = tmp_path / f"{seed}.tsv"
        assert (
            run("split", tmp_path / "more.tsv", "--share", "train=0.5", "test=0.5", "--seed", seed, "--out", out) == 0
        )
        side = {case.name: case.split for case in read_cohort(out)}
        assert side["again"] == side["sub-03"]
        said = capsys.readouterr().err
        assert "sub-03 and again: the same brain by its looks" in said
        assert said.count("the same brain") == 1


def test_split_refuses_a_file_that_puts_the_same_brain_on_two_sides(people, tmp_path, refuse):
    brain = read_volume(tmp_path / "scans" / "sub-03_T1w.nii.gz")
    write_volume(brain.like(brain.data * np.float32(2)), tmp_path / "scans" / "sub-99_T1w.nii.gz")
    rows = [f"sub-{n:02d}\t{'test' if n == 99 else 'train'}" for n in (*range(12), 99)]
    (tmp_path / "given.tsv").write_text("case\tsplit\n" + "\n".join(rows) + "\n")
    arguments = ("split", tmp_path / "scans", "--from", tmp_path / "given.tsv", "--out", tmp_path / "out.tsv")
    refuse(*arguments, said="sub-03 and sub-99: the same brain by its looks")
    assert run(*arguments, "--trust-names") == 0


def test_split_refuses_the_same_voxels_on_two_sides_whatever_it_is_told(people, tmp_path, refuse):
    shutil.copy(tmp_path / "scans" / "sub-03_T1w.nii.gz", tmp_path / "scans" / "sub-99_T1w.nii.gz")
    rows = [f"sub-{n:02d}\t{'test' if n == 99 else 'train'}" for n in (*range(12), 99)]
    (tmp_path / "given.tsv").write_text("case\tsplit\n" + "\n".join(rows) + "\n")
    arguments = ("split", tmp_path / "scans", "--from", tmp_path / "given.tsv", "--out", tmp_path / "out.tsv")
    refuse(*arguments, "--trust-names", said="image content")


def test_split_stratifies_and_measures_lesions_where_they_are_not_given(tmp_path, capsys):
    cases = []
    for seed in range(16):
        path = tmp_path / f"s{seed:02d}.nii.gz"
        write_person(path, seed)
        brain = read_volume(path)
        mask = np.zeros(brain.shape, bool)
        mask[10 : 12 + seed % 4 * 2, 10:20, 10:15] = True
        write_volume(brain.like(mask), tmp_path / f"s{seed:02d}_lesion.nii.gz")
        cases.append(Case(f"s{seed:02d}", path, None, tmp_path / f"s{seed:02d}_lesion.nii.gz"))
    write_cohort(Cohort(cases), tmp_path / "in.tsv")
    out = tmp_path / "out.tsv"
    arguments = ("--share", "annotated=0.5", "test=0.5", "--stratify", "lesion_ml", "--trust-names", "--out", out)
    assert run("split", tmp_path / "in.tsv", *arguments) == 0
    cohort = read_cohort(out)
    assert cohort.where(name="s00")[0].columns["lesion_ml"] == "12.500"
    for volume in ("12.500", "25.000", "37.500", "50.000"):
        assert len(cohort.where(lesion_ml=volume, split="test")) == 2


def test_folds_go_out_for_nnunet_and_come_back(people, tmp_path, capsys):
    folds = tmp_path / "splits_final.json"
    assert run("split", people, "--folds", 4, "--stratify", "site", "--out", folds) == 0
    assert "fold 0 3, fold 1 3, fold 2 3, fold 3 3" in capsys.readouterr().err
    out = tmp_path / "fold.tsv"
    assert run("split", people, "--from", folds, "--fold", 2, "--out", out) == 0
    cohort = read_cohort(out)
    assert {case.name for case in cohort.split("validation")} == set(json.loads(folds.read_text())[2]["val"])
    assert len(cohort.split("train")) == 9


def test_folds_go_out_as_a_table_and_one_of_them_comes_back(people, tmp_path, capsys):
    folds, out = tmp_path / "folds.tsv", tmp_path / "fold.tsv"
    assert run("split", people, "--folds", 4, "--trust-names", "--out", folds) == 0
    assert {case.split for case in read_cohort(folds)} == {""}
    capsys.readouterr()
    assert run("split", folds, "--from", folds, "--fold", 2, "--trust-names", "--out", out) == 0
    assert "train 9, validation 3" in capsys.readouterr().err
    fold_of = {case.name: case.columns["fold"] for case in read_cohort(folds)}
    cohort = read_cohort(out)
    assert {case.name for case in cohort.split("validation")} == {name for name, fold in fold_of.items() if fold == "2"}
    assert "fold" not in cohort[0].columns


def test_a_division_from_a_file_leaves_no_fold_of_the_inputs(people, tmp_path):
    folds, mine, out = tmp_path / "folds.tsv", tmp_path / "mine.tsv", tmp_path / "out.tsv"
    assert run("split", people, "--folds", 4, "--trust-names", "--out", folds) == 0
    assert run("split", people, "--share", "train=0.5", "test=0.5", "--trust-names", "--out", mine) == 0
    assert run("split", folds, "--from", mine, "--trust-names", "--out", out) == 0
    assert {case.split for case in read_cohort(out)} == {"train", "test"}
    assert "fold" not in read_cohort(out)[0].columns


def test_the_paper_s_files_are_read_and_what_is_left_out_is_told(people, tmp_path, capsys):
    header = ",img_name,age,label,img_path,mask_path,seg_path,Agegroup\n"

    def row(number):
        return f"{number},sub-{number:02d}_t1.nii.gz,30,0,/Train/x/sub-{number:02d}_t1.nii.gz,,,1.0\n"

    (tmp_path / "IXI_train_fold0.csv").write_text(header + "".join(map(row, [0, 1, 1, 2, 3, 40])))
    (tmp_path / "IXI_test.csv").write_text(header + "".join(map(row, [3, 4])))
    out = tmp_path / "paper.tsv"
    files = (tmp_path / "IXI_train_fold0.csv", tmp_path / "IXI_test.csv")
    assert run("split", people, "--from", *files, "--out", out) == 3
    assert {case.name: case.split for case in read_cohort(out)} == {
        **dict.fromkeys(("sub-00", "sub-01", "sub-02"), "train"),
        **dict.fromkeys(("sub-03", "sub-04"), "test"),
    }
    said = capsys.readouterr().err
    assert "dropped: sub-01_t1.nii.gz: 2 rows in IXI_train_fold0.csv; one is kept" in said
    assert "dropped: sub-03_t1.nii.gz: in train and test; left out of train" in said
    assert "left out, because no file names them: sub-05, sub-06" in said
    assert said.splitlines()[-1].endswith("sub-40_t1.nii.gz (no scan)")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--share", "train=0.5", "test=0.5", "--out", "x.json", "--format", "table"),
            "found a name with the ending '.json'; needed a name that ends in .tsv or .csv for --format table",
        ),
        (
            ("--share", "train=0.5", "test=0.5", "--out", "x.tsv", "--format", "nnunet"),
            "found a name with the ending '.tsv'; needed a name that ends in .json for --format nnunet",
        ),
        (("--from", "people.tsv", "--fold", "0", "--out", "x.tsv"), "people.tsv: found no folds"),
        (("--share", "train=0.5", "test=0.5", "--out", "x.tsv", "--stratify", "weight"), "no value in any case"),
        (("--folds", "1", "--out", "x.tsv"), "folds: found 1"),
        (("--folds", "99", "--trust-names", "--out", "x.tsv"), "of 99 sides empty"),
        (("--from", "absent.tsv", "--out", "x.tsv"), "no such file"),
        (("--from", "people.tsv", "--out", "x.tsv"), "no split for sub-00 and 11 others"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments, said, people, tmp_path, refuse, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse("split", people, *arguments, "--trust-names", said=said)
