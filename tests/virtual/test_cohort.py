import csv
import json

import numpy as np
import pytest

from pseudohealthy.errors import InputError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.splits import refuse_leaks
from pseudohealthy.io.volume import read_mask, read_volume
from pseudohealthy.virtual.cohort import Group, simulate
from pseudohealthy.virtual.scan import make_scan
from pseudohealthy.virtual.streams import subject_seed

GROUPS = [Group("healthy", 2, "train"), Group("tumour", 1, "annotated"), Group("sham", 1, "test")]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    out, ticks = tmp_path_factory.mktemp("virtual") / "data", []
    cohort = simulate(out, GROUPS, seed=11, spacing_mm=4.0, advance=lambda: ticks.append(1))
    return out, cohort, len(ticks)


def test_the_cohort_is_what_was_asked_for(dataset):
    _, cohort, ticks = dataset
    assert [(case.name, case.subject, case.pathology, case.split) for case in cohort] == [
        ("sub-0001", f"virtual-{subject_seed(11, 0)}", "healthy", "train"),
        ("sub-0002", f"virtual-{subject_seed(11, 1)}", "healthy", "train"),
        ("sub-0003", f"virtual-{subject_seed(11, 2)}", "tumour", "annotated"),
        ("sub-0004", f"virtual-{subject_seed(11, 3)}", "sham", "test"),
    ]
    assert ticks == 4
    assert [case.lesion_mask is None for case in cohort] == [True, True, False, False]


def test_files_hold_the_scans_of_the_subjects_seeds(dataset):
    _, cohort, _ = dataset
    for index, case in enumerate(cohort):
        expected = make_scan(subject_seed(11, index), case.pathology, 4.0)
        image = read_volume(case.image)
        assert np.array_equal(image.data, expected.image.data)
        assert np.allclose(image.affine, expected.image.affine, atol=1e-4)
        assert np.array_equal(read_mask(case.brain_mask, image, "brain mask").data, expected.brain_mask.data)
        if case.lesion_mask is not None:
            assert np.array_equal(read_mask(case.lesion_mask, image, "lesion mask").data, expected.lesion_mask.data)
            assert float(case.columns["lesion_ml"]) == pytest.approx(expected.lesion_mask.data.sum() * 0.064)
            assert case.mask_source == f"virtual-{subject_seed(11, index)}"


def test_the_dataset_is_found_as_it_was_written_and_leaks_nothing(dataset):
    out, cohort, _ = dataset
    assert list(discover([out])) == list(cohort)
    refuse_leaks(cohort.sides())
    assert {case.label_map for case in cohort} == {""}


def test_it_is_a_bids_dataset(dataset):
    out, cohort, _ = dataset
    for folder, kind in (
        (out, "raw"),
        (out / "derivatives/masks", "derivative"),
        (out / "derivatives/lesions", "derivative"),
    ):
        assert json.loads((folder / "dataset_description.json").read_text())["DatasetType"] == kind
    with (out / "participants.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["participant_id"] for row in rows] == [case.name for case in cohort]
    assert (out / "sub-0003/anat/sub-0003_T1w.nii.gz").is_file()
    assert (out / "derivatives/lesions/sub-0003/anat/sub-0003_label-L_mask.nii.gz").is_file()


@pytest.mark.parametrize(
    "groups",
    [[], [Group("healthy", 0)], [Group("healthy", -1)], [Group("flu", 1)], [Group("healthy", 1, "exam")]],
)
def test_a_bad_request_writes_nothing(tmp_path, groups):
    with pytest.raises(InputError):
        simulate(tmp_path / "data", groups, seed=0)
    assert not (tmp_path / "data").exists()
