import json
from dataclasses import replace

import pytest
from monai.data import load_decathlon_datalist

from pseudohealthy.errors import CohortError, OutputError
from pseudohealthy.io.cohort import Case, Cohort, read_cohort
from pseudohealthy.io.match_cases import apply_entries
from pseudohealthy.io.split_files import apply_split, checked_format, read_json_split, write_division
from pseudohealthy.io.splits import fold_by_group

SPLITS = ["train", "train", "train", "annotated", "validation", "calibration", "test"]


@pytest.fixture
def cohort(tmp_path):
    cases = []
    for number, split in enumerate(SPLITS):
        image = tmp_path / "scans" / f"sub-{number:02d}_T1w.nii.gz"
        image.parent.mkdir(exist_ok=True)
        image.write_text(image.name)
        mask = tmp_path / "scans" / f"sub-{number:02d}_label-L_mask.nii.gz" if number % 2 else None
        if mask:
            mask.write_text("mask")
        cases.append(Case(f"sub-{number:02d}", image, lesion_mask=mask, split=split))
    return Cohort(cases)


def sides(cohort):
    return {case.name: case.split for case in cohort}


def bare(cohort):
    return Cohort(Case(case.name, case.image, lesion_mask=case.lesion_mask) for case in cohort)


def bare_but_held_out(cohort):
    held_out = ("calibration", "test")
    return Cohort(replace(case, split=case.split if case.split in held_out else "") for case in cohort)


def test_a_division_for_nnunet_has_one_fold_and_returns(cohort, tmp_path):
    path = tmp_path / "splits_final.json"
    write_division(cohort, path, checked_format(path))
    assert json.loads(path.read_text()) == [{"train": ["sub-00", "sub-01", "sub-02", "sub-03"], "val": ["sub-04"]}]
    again, missing = apply_entries(bare(cohort), read_json_split(path), "file")
    assert sides(again) == {**dict.fromkeys(["sub-00", "sub-01", "sub-02", "sub-03"], "train"), "sub-04": "validation"}
    assert missing == []


def test_folds_for_nnunet_are_each_once_for_validation(cohort, tmp_path):
    path = tmp_path / "splits_final.json"
    folded = fold_by_group(cohort, 3, seed=0)
    write_division(folded, path, "nnunet")
    folds = json.loads(path.read_text())
    assert len(folds) == 3
    assert sorted(name for fold in folds for name in fold["val"]) == [f"sub-{n:02d}" for n in range(5)]
    assert all(sorted(fold["train"] + fold["val"]) == [f"sub-{n:02d}" for n in range(5)] for fold in folds)
    for number, fold in enumerate(folds):
        again, _ = apply_entries(bare(cohort), read_json_split(path, number), "file")
        assert {case.name for case in again.split("validation")} == set(fold["val"])
    for wrong in (None, 3, -1):
        with pytest.raises(CohortError, match=r"3 folds.* --fold 0"):
            read_json_split(path, wrong)


def test_a_datalist_is_read_by_monai_and_returns(cohort, tmp_path):
    path = tmp_path / "lists" / "datalist.json"
    path.parent.mkdir()
    write_division(cohort, path, checked_format(path))
    read = load_decathlon_datalist(str(path), True, "training")
    assert [entry["image"] for entry in read] == [str(cohort[n].image) for n in range(3)]
    assert "label" in read[1]
    assert "label" not in read[0]
    assert len(load_decathlon_datalist(str(path), True, "validation")) == 1
    again, missing = apply_entries(bare(cohort), read_json_split(path), "file")
    assert (sides(again), missing) == (sides(cohort), [])


def test_folds_in_a_datalist_are_monai_s(cohort, tmp_path):
    path = tmp_path / "datalist.json"
    folded = fold_by_group(cohort, 2, seed=0)
    write_division(folded, path, "monai")
    training = json.loads(path.read_text())["training"]
    assert {entry["case"]: entry["fold"] for entry in training} == {
        case.name: int(case.columns["fold"]) for case in folded if "fold" in case.columns
    }
    again, _ = apply_entries(bare(cohort), read_json_split(path, 1), "file")
    assert {case.name for case in again.split("validation")} == {e["case"] for e in training if e["fold"] == 1}
    assert [case.name for case in again.split("test")] == ["sub-06"]


def test_a_table_gives_a_fold_to_validation_and_the_others_to_training(cohort, tmp_path):
    path = tmp_path / "folds.tsv"
    folded = fold_by_group(bare_but_held_out(cohort), 3, seed=0)
    write_division(folded, path, "table")
    for number in range(3):
        again = apply_split(bare(cohort), path, number)
        fold_of = {case.name: case.columns["fold"] for case in folded if "fold" in case.columns}
        given = {name: "validation" if fold == str(number) else "train" for name, fold in fold_of.items()}
        assert sides(again) == {**given, "sub-05": "calibration", "sub-06": "test"}
    for wrong in (None, 3):
        with pytest.raises(CohortError, match=r"found 3 folds.* needed the number of one of 0, 1, 2\."):
            apply_split(bare(cohort), path, wrong)


def test_a_fold_of_a_file_without_folds_is_refused(cohort, tmp_path):
    write_division(cohort, tmp_path / "split.tsv", "table")
    write_division(cohort, tmp_path / "list.json", "monai")
    with pytest.raises(CohortError, match="found no folds"):
        apply_split(bare(cohort), tmp_path / "split.tsv", 0)
    with pytest.raises(CohortError, match="found no folds"):
        read_json_split(tmp_path / "list.json", 0)


def test_a_decathlon_dataset_s_own_file_is_understood(cohort, tmp_path):
    path = tmp_path / "dataset.json"
    content = {
        "name": "x",
        "labels": {"0": "background"},
        "numTraining": 2,
        "training": [{"image": f"./scans/sub-0{n}_T1w.nii.gz", "label": "./labels/x.nii.gz"} for n in (1, 3)],
        "test": ["./scans/sub-05_T1w.nii.gz", "./scans/absent.nii.gz"],
    }
    path.write_text(json.dumps(content))
    again, missing = apply_entries(bare(cohort), read_json_split(path), "file")
    assert sides(again) == {"sub-01": "train", "sub-03": "train", "sub-05": "test"}
    assert missing == ["./scans/absent.nii.gz"]


def test_a_table_with_folds_keeps_them(cohort, tmp_path):
    path = tmp_path / "folds.tsv"
    folded = fold_by_group(cohort, 2, seed=0)
    write_division(folded, path, checked_format(path))
    assert [case.columns["fold"] for case in read_cohort(path)] == [c.columns.get("fold", "") for c in folded]


@pytest.mark.parametrize(
    "text", ["[]", "{}", "not json", '[{"train": ["a"]}]', '[{"train": [1], "val": []}]', "3", '{"a": 1}']
)
def test_json_that_is_no_split_is_refused(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(CohortError):
        read_json_split(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([{"training": ["sub-00"], "test": ["sub-00"]}], "sub-00 in train and test"),
        ([{"holdout": ["sub-00"]}], "the split 'holdout'"),
        ([{"test": ["stranger"]}], "no name that fits a case, such as stranger"),
    ],
)
def test_a_file_that_contradicts_the_cohort_is_refused(entries, found, cohort, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(entries[0]))
    with pytest.raises(CohortError) as caught:
        apply_entries(cohort, read_json_split(tmp_path / "x.json"), "x.json")
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("name", "given", "kind"),
    [
        ("a.tsv", None, "table"),
        ("a.csv", None, "table"),
        ("splits_final.json", None, "nnunet"),
        ("a.json", None, "monai"),
        ("a.json", "nnunet", "nnunet"),
    ],
)
def test_the_format_follows_from_the_name(name, given, kind, tmp_path):
    assert checked_format(tmp_path / name, given) == kind
    (tmp_path / name).touch()
    with pytest.raises(OutputError, match="found a file"):
        checked_format(tmp_path / name, given)


@pytest.mark.parametrize(("name", "given"), [("a.txt", None), ("a", None), ("a.tsv", "monai"), ("a.json", "table")])
def test_a_name_that_does_not_fit_is_refused(name, given, tmp_path):
    with pytest.raises(OutputError, match="a name that ends in"):
        checked_format(tmp_path / name, given)
