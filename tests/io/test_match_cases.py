from pathlib import Path

import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.match_cases import apply_entries
from pseudohealthy.io.split_files import Entry

COHORT = Cohort(
    [
        Case("IXI002-Guys-0828", Path("IXI/IXI002-Guys-0828-T1.nii.gz"), subject="IXI002"),
        Case("BraTS2021_00000", Path("BraTS2021_00000/BraTS2021_00000_t1.nii.gz")),
        Case(
            "sub-r001s001_ses-1",
            Path("a/sub-r001s001_ses-1_space-MNI152NLin2009aSym_T1w.nii.gz"),
            subject="sub-r001s001",
        ),
        Case("Utrecht_49", Path("Utrecht/49/pre/T1.nii.gz")),
        Case("Utrecht_50", Path("Utrecht/50/pre/T1.nii.gz")),
        Case("patient01", Path("patient01/patient01_T1W.nii.gz")),
    ]
)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("IXI002-Guys-0828_t1.nii.gz", "IXI002-Guys-0828"),
        ("IXI002", "IXI002-Guys-0828"),
        ("BraTS2021_00000", "BraTS2021_00000"),
        ("/Test/Brats21/t1/BraTS2021_00000_t1.nii.gz", "BraTS2021_00000"),
        ("BraTS2021_00000_0000", "BraTS2021_00000"),
        ("sub-r001s001", "sub-r001s001_ses-1"),
        ("/Test/ATLAS_v2/t1/sub-r001s001_ses-1_space-MNI152NLin2009aSym_t1.nii.gz", "sub-r001s001_ses-1"),
        ("Utrecht_49_t1.nii.gz", "Utrecht_49"),
        ("patient01_flair.nii.gz", "patient01"),
    ],
)
def test_names_of_other_projects_find_their_case(name, case):
    found, missing = apply_entries(COHORT, [Entry(name, "test")], "file")
    assert ([item.name for item in found], missing) == ([case], [])


@pytest.mark.parametrize("name", ["IXI0028", "BraTS2021_0000", "patient1", "T2.nii.gz"])
def test_a_name_that_is_only_alike_is_missing(name):
    _, missing = apply_entries(COHORT, [Entry(name, "test"), Entry("Utrecht_49", "test")], "file")
    assert missing == [name]


def test_a_name_that_fits_several_cases_is_refused():
    with pytest.raises(CohortError, match="fits several cases: Utrecht_49, Utrecht_50"):
        apply_entries(COHORT, [Entry("T1.nii.gz", "test")], "file")


def test_a_case_named_twice_for_one_side_is_one_case():
    found, _ = apply_entries(COHORT, [Entry("IXI002", "test"), Entry("IXI002-Guys-0828", "test")], "file")
    assert len(found) == 1
