from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from conftest import make_brain
from pseudohealthy.errors import CohortError, LeakError
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.split_files import apply_split, write_split
from pseudohealthy.io.splits import chosen, fold_by_group, refuse_leaks, split_by_group
from pseudohealthy.io.volume import Volume, write_volume

THREE_WAYS = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.fixture
def cohort(tmp_path):
    """Twelve subjects, every third with two scans; all files differ."""
    cases = []
    for subject in range(12):
        for visit in range(2 if subject % 3 == 0 else 1):
            path = tmp_path / f"s{subject:02}v{visit}.nii"
            path.write_text(path.name)
            cases.append(Case(path.stem, path, subject=f"s{subject:02}"))
    return Cohort(cases)


def with_value(cohort, index, **values):
    return Cohort(replace(case, **values) if i == index else case for i, case in enumerate(cohort))


def test_sides_without_a_common_group_pass(cohort):
    refuse_leaks({"train": cohort[:4], "validation": cohort[4:8], "test": cohort[8:]})


@pytest.mark.parametrize("column", ["subject", "mask_source", "label_map"])
def test_value_on_two_sides_is_a_leak_that_names_both_cases(column, cohort):
    leaky = with_value(with_value(cohort, 2, **{column: "shared"}), 9, **{column: "shared"})
    with pytest.raises(LeakError) as caught:
        refuse_leaks({"train": leaky[:4], "test": leaky[8:]})
    text = str(caught.value)
    assert text.startswith(f"{column.replace('_', ' ')} shared: found that it is on two sides")
    assert f"train ({leaky[2].name})" in text
    assert f"test ({leaky[9].name})" in text
    refuse_leaks({"train": leaky[:4], "validation": leaky[4:8]})
    refuse_leaks({"train": leaky})


def test_one_image_under_two_names_is_a_leak(cohort, tmp_path):
    (tmp_path / "other name.nii").write_bytes(cohort[0].image.read_bytes())
    copy = Cohort([Case("copy", tmp_path / "other name.nii")])
    with pytest.raises(LeakError, match="image content, SHA-256"):
        refuse_leaks({"train": cohort, "test": copy})


def test_shares_leave_nothing_of_an_earlier_division_into_folds(cohort):
    divided = split_by_group(fold_by_group(cohort, 3, seed=0), THREE_WAYS, seed=0)
    assert not any("fold" in case.columns for case in divided)


def test_a_brain_that_is_held_out_and_in_the_folds_under_another_name_is_a_leak(cohort):
    held = with_value(cohort, 2, split="test")
    with pytest.raises(LeakError, match=f"{held[2].name} and {held[3].name}: found the same brain, held out"):
        fold_by_group(held, 3, 0, together=[(held[2].name, held[3].name)])
    folded = fold_by_group(held, 3, 0, together=[(held[3].name, held[4].name)])
    assert folded[3].columns["fold"] == folded[4].columns["fold"]


def test_empty_group_values_are_not_shared(cohort):
    assert all(case.mask_source == "" for case in cohort)
    refuse_leaks({"train": cohort[:4], "test": cohort[8:]})


def test_groups_are_never_divided_and_shares_are_met(cohort):
    divided = split_by_group(cohort, THREE_WAYS, seed=1)
    assert [case.name for case in divided] == [case.name for case in cohort]
    sides = {name: divided.split(name) for name in THREE_WAYS}
    refuse_leaks(sides)
    assert sum(map(len, sides.values())) == len(cohort) == 16
    assert all(abs(len(side) - THREE_WAYS[name] * 16) <= 1 for name, side in sides.items())


def test_cases_that_hang_together_through_others_go_together(cohort):
    chained = cohort
    for index, values in enumerate(
        [{"mask_source": "m1"}, {"mask_source": "m1"}, {"label_map": "l1", "mask_source": "m2"}, {"mask_source": "m2"}]
    ):
        chained = with_value(chained, 2 * index, **values)
    for seed in range(5):
        divided = split_by_group(chained, THREE_WAYS, seed)
        refuse_leaks({name: divided.split(name) for name in THREE_WAYS})


def test_split_follows_from_cases_and_seed_not_from_their_order(cohort):
    def sides(some, seed):
        return {case.name: case.split for case in split_by_group(some, THREE_WAYS, seed)}

    assert sides(cohort, 3) == sides(Cohort(reversed(cohort)), 3)
    assert len({tuple(sorted(sides(cohort, seed).items())) for seed in range(6)}) > 3


@pytest.mark.parametrize("name", ["s00v0", "s01v0"], ids=["of two scans", "of one scan"])
def test_chance_of_a_side_is_its_share_whatever_the_size_of_the_group(name, cohort):
    splits = Counter(split_by_group(cohort, THREE_WAYS, seed).where(name=name)[0].split for seed in range(200))
    for side, share in THREE_WAYS.items():
        assert splits[side] / 200 == pytest.approx(share, abs=0.13)  # 3 standard errors are 0.10


def test_scans_without_a_split_beside_others_are_left_out_and_told(cohort, caplog):
    divided = [*split_by_group(cohort, {"train": 0.5, "test": 0.5}, seed=0)]
    bare, side = replace(divided[0], split=""), divided[0].split
    taken = chosen(Cohort([bare, *divided[1:]]), None, side)
    assert [case.name for case in taken] == [case.name for case in divided[1:] if case.split == side]
    assert f"left out: 1, such as {bare.name}" in caplog.text


def test_a_split_that_is_asked_for_is_chosen_or_missed(cohort):
    divided = split_by_group(cohort, {"train": 0.5, "test": 0.5}, seed=0)
    assert (
        list(chosen(divided, None, "test")) == list(chosen(divided, "test", "calibration")) == [*divided.split("test")]
    )
    assert len(chosen(divided, None, "calibration")) == 0  # whose scans they are to be, who needs them tells
    assert chosen(cohort, None, "test") is cohort
    with pytest.raises(CohortError, match=r"split 'annotated': found no scan of it \(splits: train, test\)"):
        chosen(divided, "annotated", "test")
    with pytest.raises(CohortError, match=r"\(splits: none\)"):
        chosen(cohort, "test", "test")


@pytest.mark.parametrize(
    "fractions",
    [
        *({}, {"train": 0.5}, {"train": 0.5, "val": 0.5}, {"train": 1.2, "test": -0.2}, {"train": 1.0, "test": 0.0}),
        *({"train": float("nan"), "test": 0.5}, {"train": 0.5, "test": float("nan")}, {"train": float("inf")}),
    ],
)
def test_fractions_that_are_no_division_are_refused(fractions, cohort):
    with pytest.raises(CohortError, match="fractions of a split"):
        split_by_group(cohort, fractions, seed=0)


def test_side_that_would_stay_empty_is_refused(cohort):
    with pytest.raises(CohortError, match="1 groups of cases that belong together, which leave 1 of 2 sides empty"):
        split_by_group(cohort[:2], {"train": 0.9, "test": 0.1}, seed=0)


def test_split_table_returns_as_written(cohort, tmp_path):
    divided = split_by_group(cohort, THREE_WAYS, seed=1)
    write_split(divided, tmp_path / "split.tsv")
    assert (tmp_path / "split.tsv").read_text().startswith(f"case\tsplit\ns00v0\t{divided[0].split}\n")
    assert list(apply_split(cohort, tmp_path / "split.tsv")) == list(divided)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda lines: lines[:-2], "no row for s10v0 and 1 others"),
        (lambda lines: [*lines, "stranger\ttest"], "an unknown case, stranger"),
        (lambda lines: [*lines, lines[1]], "two rows for s00v0"),
        (lambda lines: [lines[0], "s00v0\tholdout", *lines[2:]], "the split 'holdout'"),
    ],
)
def test_split_table_of_another_cohort_is_refused(change, found, cohort, tmp_path):
    write_split(split_by_group(cohort, THREE_WAYS, seed=1), tmp_path / "split.tsv")
    lines = (tmp_path / "split.tsv").read_text().splitlines()
    (tmp_path / "split.tsv").write_text("\n".join(change(lines)) + "\n")
    with pytest.raises(CohortError) as caught:
        apply_split(cohort, tmp_path / "split.tsv")
    assert found in str(caught.value)


def test_the_same_voxels_in_another_file_are_a_leak(tmp_path):
    brain = make_brain((9.0, 9.0, 9.0))
    write_volume(brain, tmp_path / "a.nii.gz")
    write_volume(Volume(brain.data[::-1], brain.affine @ np.diag([-1.0, 1, 1, 1]), qform_code=0), tmp_path / "b.nii")
    write_volume(make_brain((9.0, 9.0, 9.0), seed=1), tmp_path / "c.nii.gz")
    a, b, c = (Cohort([Case(name, next(tmp_path.glob(f"{name}.nii*")))]) for name in "abc")
    refuse_leaks({"train": a, "test": c})
    with pytest.raises(LeakError, match=r"image content, voxels \w{32}: found that it is on two sides: train \(a\)"):
        refuse_leaks({"train": a, "test": b})
