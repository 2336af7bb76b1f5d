import pytest

from layouts import summary
from pseudohealthy.errors import CohortError
from pseudohealthy.io.bids import discover

ANAT = "ATLAS_2/{part}/{site}/sub-{id}/ses-1/anat/sub-{id}_ses-1_space-MNI152NLin2009aSym_{end}.nii.gz"
MASK = "label-L_desc-T1lesion_mask"


def files(identifier, *ends, part="Training"):
    return [ANAT.format(part=part, site=identifier[:4].upper(), id=identifier, end=end) for end in ends]


TRAINING = [*files("r001s001", "T1w", MASK), *files("r009s002", "T1w", MASK)]
TESTING = files("r005s001", "T1w", part="Testing")


def test_training_scans_come_with_their_lesion_masks(tree):
    root = tree(*TRAINING, "ATLAS_2/MNI152NLin2009aSym.nii.gz", "ATLAS_2/Training/R001/dataset_description.json")
    expected = [("sub-r001s001_ses-1", *expected_files(0)), ("sub-r009s002_ses-1", *expected_files(2))]
    for start in (root, root / "ATLAS_2", root / "ATLAS_2" / "Training"):
        assert summary(discover([start]), root) == expected
    site = root / "ATLAS_2" / "Training" / "R001"
    assert summary(discover([site]), root) == summary(discover([site / "sub-r001s001"]), root) == expected[:1]
    cohort = discover([root])
    assert [(case.subject, case.columns["site"], case.pathology, case.lesion_labels) for case in cohort] == [
        ("sub-r001s001", "R001", "stroke", (1,)),
        ("sub-r009s002", "R009", "stroke", (1,)),
    ]
    assert {case.columns["official_split"] for case in cohort} == {"training"}
    assert "ATLAS: not read: 1 template" in cohort.notes


def expected_files(first):
    return TRAINING[first], None, TRAINING[first + 1]


def test_test_scans_whose_masks_are_hidden_are_read_only_alone(tree):
    root = tree(*TRAINING, *TESTING)
    cohort = discover([root])
    assert len(cohort) == 2
    assert any("scans without a lesion mask, left out: 1;" in note for note in cohort.notes)
    (hidden,) = discover([root / "ATLAS_2" / "Testing"])
    assert (hidden.name, hidden.lesion_mask, hidden.columns["official_split"]) == (
        "sub-r005s001_ses-1",
        None,
        "testing",
    )


def test_metadata_saved_as_csv_become_columns(tree):
    root = tree(*TRAINING)
    (root / "ATLAS_2" / "20220425_ATLAS_2.0_MetaData.csv").write_text(
        "INDI Site ID,INDI Subject ID,Session,# Lesions LH Subcortical,Scanner Strength\n"
        "R001,sub-r001s001,ses-1,2,3T\n"
        "R001,sub-r001s001,ses-2,1,3T\n"
    )
    first, second = discover([root])
    assert first.columns["lesions_lh_subcortical"] == "2"
    assert first.columns["scanner_strength"] == "3T"
    assert second.columns.get("scanner_strength", "") == ""


def test_the_spreadsheet_is_not_read_and_what_to_do_is_said(tree):
    root = tree(*TRAINING, "ATLAS_2/20220425_ATLAS_2.0_MetaData.xlsx")
    assert "ATLAS: 20220425_ATLAS_2.0_MetaData.xlsx is not read: save it as CSV beside it to get its columns" in (
        discover([root]).notes
    )


def test_contradicting_metadata_are_refused(tree):
    root = tree(*TRAINING)
    (root / "ATLAS_2" / "metadata.csv").write_text("Subject ID,Age\nr001s001,50\nr001s001,60\n")
    with pytest.raises(CohortError, match="two different rows for sub-r001s001"):
        discover([root])


@pytest.mark.parametrize("name", ["ATLAS_R2.0.tar.gz", "ATLAS_R2.0_encrypted.tar.gz.enc"])
def test_an_archive_that_is_still_packed_is_named(tree, name):
    root = tree(f"download/{name}")
    for start in (root / "download", root / "download" / name):
        with pytest.raises(CohortError, match="Unpack it"):
            discover([start])
