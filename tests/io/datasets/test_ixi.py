import pytest

from layouts import summary
from pseudohealthy.errors import CohortError
from pseudohealthy.io.bids import discover

SCANS = (
    "IXI-T1/IXI002-Guys-0828-T1.nii.gz",
    "IXI-T1/IXI012-HH-1211-T1.nii.gz",
    "IXI-T1/IXI035-IOP-0873-T1.nii.gz",
)
OTHERS = (
    "IXI-T2/IXI002-Guys-0828-T2.nii.gz",
    "IXI-T2/IXI580-IOP-1157-T2.nii.gz",
    "IXI-PD/IXI002-Guys-0828-PD.nii.gz",
    "IXI-DTI/IXI002-Guys-0828-DTI-00.nii.gz",
    "IXI-DTI/IXI002-Guys-0828-DTI-01.nii.gz",
)
HEADER = 'IXI_ID,"SEX_ID (1=m, 2=f)",HEIGHT,WEIGHT,ETHNIC_ID,DOB,DATE_AVAILABLE,STUDY_DATE,AGE'


def test_t1_scans_are_read_wherever_the_archive_was_unpacked(tree):
    root = tree(*SCANS)
    expected = [
        ("IXI002-Guys-0828", SCANS[0], None, None),
        ("IXI012-HH-1211", SCANS[1], None, None),
        ("IXI035-IOP-0873", SCANS[2], None, None),
    ]
    assert summary(discover([root]), root) == summary(discover([root / "IXI-T1"]), root) == expected


def test_subject_site_and_health_come_from_name_and_dataset(tree):
    cohort = discover([tree(*SCANS, *OTHERS)])
    assert [(case.subject, case.columns["site"], case.pathology) for case in cohort] == [
        ("IXI002", "Guys", "healthy"),
        ("IXI012", "HH", "healthy"),
        ("IXI035", "IOP", "healthy"),
    ]
    assert [case.columns["modalities"] for case in cohort] == ["DTI PD T1 T2", "T1", "T1"]
    assert len(cohort.annotated) == 0


def test_what_is_not_read_is_counted(tree, caplog):
    caplog.set_level("INFO", logger="pseudohealthy")
    cohort = discover([tree(*SCANS, *OTHERS, "IXI-T1/notes.nii")])
    assert "IXI: not read: 2 DTI, 1 PD, 2 T2, 1 other" in cohort.notes
    assert "IXI: people without a T1 scan: 1" in cohort.notes
    assert set(cohort.notes) <= set(caplog.messages)


def test_a_second_scan_of_a_person_is_left_out_and_named(tree):
    cohort = discover([tree(*SCANS, "IXI-T1/IXI012-Guys-1300-T1.nii.gz", "IXI-T1/IXI035-IOP-0999-T1.nii.gz")])
    assert [(case.name, case.subject) for case in cohort] == [
        ("IXI002-Guys-0828", "IXI002"),
        ("IXI012-Guys-1300", "IXI012"),
        ("IXI035-IOP-0873", "IXI035"),
    ]
    assert "IXI: a second scan of a person, left out: IXI012-HH-1211, IXI035-IOP-0999" in cohort.notes


def test_two_files_of_one_name_are_refused(tree):
    with pytest.raises(CohortError, match="two scans of this name"):
        discover([tree(*SCANS, "IXI002-Guys-0828-T1.nii.gz")])


def test_ages_come_from_the_exported_sheet_where_its_rows_agree(tree):
    root = tree(*SCANS, "IXI-T1/IXI219-Guys-0894-T1.nii.gz", "IXI.xls")
    (root / "IXI.csv").write_text(
        f"{HEADER}\n"
        "2,2,164,58,1,1969-09-23,1,2005-07-27,35.8001368925\n"
        "12,1,175,70,1,1966-08-20,1,2005-06-01,38.7816563997\n"
        "12,0,0,0,0,1966-08-20,0,,\n"  # a second, emptied row of one person
        "219,1,170,70,1,1970-01-01,1,2006-01-01,36.00\n"
        "219,1,170,70,1,1950-01-01,1,2006-01-01,56.00\n"
        ",,,,,,,,\n"
    )
    cohort = discover([root])
    assert [(case.subject, case.columns["age"], case.columns["sex"]) for case in cohort] == [
        ("IXI002", "35.80", "F"),
        ("IXI012", "38.78", "M"),
        ("IXI035", "", ""),
        ("IXI219", "", "M"),
    ]
    assert "IXI: IXI.csv contradicts itself on IXI219: left empty" in cohort.notes
    assert "IXI: no age for 2 of 4 scans" in cohort.notes
    assert set(cohort[0].columns) == {"site", "modalities", "age", "sex"}  # no dates of birth or of the scan


def test_the_spreadsheet_itself_is_not_read_and_what_to_do_is_said(tree):
    (note,) = [note for note in discover([tree(*SCANS, "IXI.xls")]).notes if "xls" in note]
    assert note == (
        "IXI: IXI.xls is not read: save the sheet 'Table' of IXI.xls as IXI.csv beside the scans to get age and sex"
    )


def test_a_table_without_ids_is_refused(tree):
    root = tree(*SCANS)
    (root / "IXI.csv").write_text("id,AGE\n2,30\n")
    with pytest.raises(CohortError, match="no column 'IXI_ID'"):
        discover([root])


def test_brain_masks_that_the_user_has_made_belong_to_their_scan(tree):
    root = tree(SCANS[0], "IXI-T1/IXI002-Guys-0828-T1_brain_mask.nii.gz")
    assert summary(discover([root]), root)[0][2] == "IXI-T1/IXI002-Guys-0828-T1_brain_mask.nii.gz"
