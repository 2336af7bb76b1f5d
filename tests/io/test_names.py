import pytest

from pseudohealthy.io.names import is_nifti, parse_name


@pytest.mark.parametrize(
    ("file", "case", "suffix"),
    [
        ("sub-01_T1w.nii.gz", "sub-01", "T1w"),
        ("sub-1000_desc-brain_T1w.nii.gz", "sub-1000", "T1w"),
        ("sub-patient26_space-MNI152_desc-brain_T1w.nii", "sub-patient26", "T1w"),
        ("sub-01_ses-1_acq-mprage_run-2_T1w.nii.gz", "sub-01_ses-1_acq-mprage_run-2", "T1w"),
        ("sub-01.nii.gz", "sub-01", ""),
        ("IXI002-Guys-0828-T1.nii.gz", "IXI002-Guys-0828-T1", ""),
        ("my scan_2.NII.GZ", "my scan_2", ""),
        ("sub_01_T1w.nii", "sub_01_T1w", ""),
        ("t1.v2.nii.gz", "t1.v2", ""),
    ],
)
def test_case_is_named_by_what_tells_acquisitions_apart(file, case, suffix):
    name = parse_name(f"some/folder/{file}")
    assert (name.case, name.suffix) == (case, suffix)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("sub-01_desc-brain_mask.nii.gz", "brain"),
        ("sub-01_ses-1_space-MNI152_label-L_mask.nii.gz", "lesion"),
        ("sub-r001s001_ses-1_space-MNI152NLin2009aSym_label-L_desc-T1lesion_mask.nii.gz", "lesion"),
        ("sub-01_label-lesion_mask.nii.gz", "lesion"),
        ("sub-01_label-GM_mask.nii.gz", "other"),
        ("sub-01_T1w.nii.gz", None),
        ("sub-01_label-L_probseg.nii.gz", None),
        ("anna_brain_mask.nii", "brain"),
        ("anna_lesion.nii", "lesion"),
        ("anna_mask.nii", "other"),
        ("anna.nii", None),
        ("lesion.nii", None),
    ],
)
def test_masks_are_known_by_their_names(file, kind):
    assert parse_name(file).mask == kind


@pytest.mark.parametrize(
    ("mask", "scan", "belongs"),
    [
        ("sub-01_label-L_mask", "sub-01_T1w", True),
        ("sub-01_label-L_mask", "sub-01_desc-brain_T1w", True),
        ("sub-01_label-L_mask", "sub-02_T1w", False),
        ("sub-01_label-L_mask", "sub-01_run-2_T1w", True),
        ("sub-01_run-1_label-L_mask", "sub-01_run-2_T1w", False),
        ("sub-01_ses-1_label-L_mask", "sub-01_ses-2_T1w", False),
        ("sub-01_label-L_mask", "sub-01_ses-2_T1w", False),
        ("sub-01_space-MNI152_label-L_mask", "sub-01_T1w", False),
        ("sub-01_space-MNI152_label-L_mask", "sub-01_space-MNI152_desc-brain_T1w", True),
        ("anna_lesion_mask", "anna", True),
        ("anna_lesion_mask", "anna_T1w", True),
        ("anna_lesion_mask", "ann", False),
        ("sub-01_label-L_mask", "anna", False),
    ],
)
def test_mask_belongs_to_the_scan_that_its_name_describes(mask, scan, belongs):
    assert parse_name(f"{mask}.nii.gz").belongs_to(parse_name(f"{scan}.nii.gz")) is belongs


def test_hidden_and_other_files_are_no_scans(tmp_path):
    assert is_nifti(tmp_path / "a.nii.gz")
    assert not is_nifti(tmp_path / ".a.nii.gz.1234.tmp")
    assert not is_nifti(tmp_path / "._a.nii.gz")
    assert not is_nifti(tmp_path / "a.json")
