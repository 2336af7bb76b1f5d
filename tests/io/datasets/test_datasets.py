import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pseudohealthy.errors import CohortError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import read_cohort, write_cohort
from pseudohealthy.io.datasets import DATASETS

ONE_OF_EACH = {
    "IXI": ("IXI002-Guys-0828-T1.nii.gz",),
    "BraTS": ("BraTS2021_00000/BraTS2021_00000_t1.nii.gz", "BraTS2021_00000/BraTS2021_00000_seg.nii.gz"),
    "ATLAS": ("R001/sub-r001s001/ses-1/anat/sub-r001s001_ses-1_space-MNI152NLin2009aSym_T1w.nii.gz",),
    "MSLUB": ("patient01/patient01_T1W.nii.gz", "patient01/patient01_brainmask.nii.gz"),
    "WMH": ("Utrecht/0/pre/T1.nii.gz", "Utrecht/0/wmh.nii.gz"),
}


def test_every_dataset_has_an_example_here():
    assert set(ONE_OF_EACH) == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_each_is_recognised_by_itself_alone_and_said_so(tree, name):
    root = tree(*ONE_OF_EACH[name])
    assert [other for other, find in DATASETS.items() if find(root) is not None] == [name]
    cohort = discover([root])
    assert len(cohort) == 1
    assert cohort.notes[0] == f"{root} is taken for {name}; scans: 1"


@pytest.mark.parametrize("name", DATASETS)
def test_each_returns_from_the_table_that_is_written_of_it(tree, name):
    root = tree(*ONE_OF_EACH[name])
    cohort = discover([root])
    write_cohort(cohort, root / "elsewhere" / "cohort.tsv")
    (case,), (copy,) = cohort, read_cohort(root / "elsewhere" / "cohort.tsv")
    assert copy.image.resolve() == case.image
    for key in ("name", "subject", "pathology", "lesion_labels", "ignored_labels", "columns"):
        assert getattr(copy, key) == getattr(case, key)


def test_the_users_own_table_wins(tree):
    root = tree(*ONE_OF_EACH["IXI"])
    (root / "cohort.tsv").write_text("case\timage\nmine\tIXI002-Guys-0828-T1.nii.gz\n")
    assert [case.name for case in discover([root])] == ["mine"]


def test_a_folder_with_two_datasets_is_refused(tree):
    with pytest.raises(CohortError, match="IXI and BraTS"):
        discover([tree(*ONE_OF_EACH["IXI"], *ONE_OF_EACH["BraTS"])])


def test_several_datasets_are_read_when_each_is_given(tree):
    root = tree(*(f"{name}/{file}" for name, files in ONE_OF_EACH.items() for file in files))
    assert len(discover([root / name for name in DATASETS])) == len(DATASETS)


def test_other_folders_are_none_of_them(tree):
    root = tree("sub-01/anat/sub-01_T1w.nii.gz", "derivatives/x/sub-01/anat/sub-01_label-L_mask.nii.gz")
    assert all(find(root) is None for find in DATASETS.values())
    assert discover([root]).notes == ()


@pytest.mark.parametrize("name", DATASETS)
def test_the_working_folder_is_as_good_as_any_other(tree, name, monkeypatch):
    root = tree(*ONE_OF_EACH[name])
    expected = discover([root])[0]
    monkeypatch.chdir(root)
    assert discover([Path()])[0] == expected


@pytest.mark.parametrize("name", DATASETS)
def test_one_folder_above_is_found_too(tree, name):
    root = tree(*(f"download/{file}" for file in ONE_OF_EACH[name]))
    assert discover([root])[0].name == discover([root / "download"])[0].name


def test_folders_with_the_names_of_files_are_not_read(tree):
    """As one mirror of BraTS unpacks."""
    name = "BraTS20_Training_001"
    root = tree(f"{name}/{name}_t1.nii/00000057_brain_t1.nii", f"{name}/{name}_flair.nii/0058_brain_flair.nii")
    assert DATASETS["BraTS"](root) is None


PARTS = st.sampled_from(
    [
        *("training", "test", "Training", "R001", "raw", "orig", "pre", "anat", "ses-1", "patient01", "Utrecht", "0"),
        *("sub-r001s001", "sub-01", "IXI-T1", "BraTS2021_00000", "derivatives", "Amsterdam", "GE3T"),
    ]
)
NAMES = st.sampled_from(
    [
        *("wmh.nii.gz", "T1.nii.gz", "patient01_T1W.nii.gz", "T1W.nii", "patient01_brainmask.nii.gz", "IXI.csv"),
        *("IXI002-Guys-0828-T1.nii.gz", "IXI2-T1.nii.gz", "BraTS2021_00000_t1.nii.gz", "BraTS2021_00000_seg.nii.gz"),
        *("sub-r001s001_ses-1_space-MNI152NLin2009aSym_T1w.nii.gz", "sub-01_T1w.nii.gz", "metadata.csv"),
        *("sub-r001s001_ses-1_space-MNI152NLin2009aSym_label-L_desc-T1lesion_mask.nii.gz", "IXI-T1.tar", "a.nii"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(PARTS, max_size=4), NAMES), max_size=8))
def test_any_mixture_is_read_or_refused_in_words(files):
    with tempfile.TemporaryDirectory() as root:
        for parts, name in files:
            file = Path(root, *parts, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        try:
            cohort = discover([Path(root)])
        except CohortError:
            return
        assert all(case.image.is_file() and case.image.is_absolute() for case in cohort)
        assert len({case.image for case in cohort}) == len(cohort)
