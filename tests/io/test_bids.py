from pathlib import Path

import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.io.bids import derivative, discover
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.walk import files_below


def make(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def summary(cohort):
    def name(path):
        return path.name if path else None

    return [(case.name, case.image.name, name(case.brain_mask), name(case.lesion_mask)) for case in cohort]


def test_bids_dataset_gives_its_t1w_scans_with_masks_beside_and_under_derivatives(tmp_path):
    make(
        tmp_path,
        "sub-02/anat/sub-02_desc-brain_T1w.nii.gz",
        "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii",
        "sub-01/ses-a/anat/sub-01_ses-a_FLAIR.nii.gz",
        "sub-01/ses-a/anat/sub-01_ses-a_desc-brain_mask.nii.gz",
        "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz",
        "derivatives/lesions/sub-01/ses-b/anat/sub-01_ses-b_label-L_mask.nii.gz",
        "derivatives/lesions/sub-02/anat/sub-02_label-L_mask.nii.gz",
        "derivatives/lesions/sub-03/anat/sub-03_label-L_mask.nii.gz",
        "derivatives/tissue/sub-02/anat/sub-02_label-GM_mask.nii.gz",
    )
    assert summary(discover([tmp_path])) == [
        ("sub-01_ses-a", "sub-01_ses-a_T1w.nii", "sub-01_ses-a_desc-brain_mask.nii.gz", None),
        ("sub-01_ses-b", "sub-01_ses-b_T1w.nii.gz", None, "sub-01_ses-b_label-L_mask.nii.gz"),
        ("sub-02", "sub-02_desc-brain_T1w.nii.gz", None, "sub-02_label-L_mask.nii.gz"),
    ]
    assert [case.subject for case in discover([tmp_path])] == ["sub-01", "sub-01", "sub-02"]


def test_one_subject_of_a_dataset_comes_with_what_the_dataset_knows(tmp_path):
    make(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-02/anat/sub-02_T1w.nii.gz",
        "derivatives/lesions/sub-02/anat/sub-02_label-L_mask.nii.gz",
    )
    assert summary(discover([tmp_path / "sub-02"])) == [
        ("sub-02", "sub-02_T1w.nii.gz", None, "sub-02_label-L_mask.nii.gz")
    ]


def test_participants_table_is_merged(tmp_path):
    make(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tage\tgroup\tsplit\nsub-02\t71\tstroke\ttest\nsub-09\t5\thealthy\ttrain\n"
    )
    first, second = discover([tmp_path])
    assert (first.pathology, first.split, first.columns) == ("", "", {})
    assert (second.pathology, second.split, second.columns) == ("stroke", "test", {"age": "71", "group": "stroke"})


def test_cohort_table_wins_over_the_folders(tmp_path):
    make(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")
    (tmp_path / "cohort.tsv").write_text("case\timage\nchosen\tsub-02/anat/sub-02_T1w.nii.gz\n")
    assert [case.name for case in discover([tmp_path])] == ["chosen"]
    assert [case.name for case in discover([tmp_path / "cohort.tsv"])] == ["chosen"]


def test_predicted_mask_is_never_taken_for_truth(tmp_path):
    make(
        tmp_path,
        "sub-01/anat/sub-01_T1w.nii.gz",
        "derivatives/ours/sub-01/anat/sub-01_label-L_mask.nii.gz",
        "derivatives/ours/sub-01/anat/sub-01_label-L_report.json",
    )
    assert discover([tmp_path])[0].lesion_mask is None


def test_plain_folder_gives_its_scans_and_their_masks(tmp_path):
    make(tmp_path, "b.nii", "a_T1w.nii.gz", "a_lesion_mask.nii.gz", "b_brain_mask.nii", "notes.txt", ".hidden.nii")
    assert summary(discover([tmp_path])) == [
        ("a_T1w", "a_T1w.nii.gz", None, "a_lesion_mask.nii.gz"),
        ("b", "b.nii", "b_brain_mask.nii", None),
    ]


def test_single_files_take_their_masks_along_and_inputs_may_be_mixed(tmp_path):
    make(tmp_path, "one/x.nii", "one/y.nii", "one/x_lesion.nii", "two/z.nii.gz")
    assert summary(discover([tmp_path / "one" / "x.nii", tmp_path / "two"])) == [
        ("x", "x.nii", None, "x_lesion.nii"),
        ("z", "z.nii.gz", None, None),
    ]


def test_relative_inputs_and_links_keep_their_names(tmp_path, monkeypatch):
    make(tmp_path, "store/4f3a.nii.gz", "data/sub-01/anat/x")
    (tmp_path / "data/sub-01/anat/sub-01_T1w.nii.gz").symlink_to(tmp_path / "store/4f3a.nii.gz")
    monkeypatch.chdir(tmp_path)
    (case,) = discover([Path("data")])
    assert (case.name, case.image.name) == ("sub-01", "sub-01_T1w.nii.gz")
    assert case.image.is_file()


def test_linked_folders_are_entered_and_links_that_lead_up_are_not(tmp_path):
    make(tmp_path, "store/anat/sub-01_T1w.nii.gz", "masks/sub-01/anat/sub-01_label-L_mask.nii.gz", "data/sub-01/x")
    (tmp_path / "data/sub-01/anat").symlink_to(tmp_path / "store/anat")
    (tmp_path / "data/sub-01/up").symlink_to(tmp_path / "data")
    (tmp_path / "data/derivatives").mkdir()
    (tmp_path / "data/derivatives/masks").symlink_to(tmp_path / "masks")
    (case,) = discover([tmp_path / "data"])
    assert case.image == tmp_path / "data/sub-01/anat/sub-01_T1w.nii.gz"
    assert case.lesion_mask == tmp_path / "data/derivatives/masks/sub-01/anat/sub-01_label-L_mask.nii.gz"


def test_a_link_to_another_place_of_the_dataset_is_no_second_scan(tmp_path):
    make(
        tmp_path, "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz", "derivatives/v2/sub-01/sub-01_ses-1_label-L_mask.nii.gz"
    )
    (tmp_path / "sub-01/ses-latest").symlink_to("ses-1")
    (tmp_path / "derivatives/latest").symlink_to("v2")
    (case,) = discover([tmp_path])
    assert case.lesion_mask.parts[-3] == "v2"


def test_folders_that_are_linked_to_each_other_are_walked_once(tmp_path):
    make(tmp_path, *(f"{name}/anat/{name}_T1w.nii" for name in "abc"))
    for one, other in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "b")):
        (tmp_path / one / f"to-{other}").symlink_to(tmp_path / other)
    assert len(files_below(tmp_path)) == 3
    assert [file.name for file in files_below(tmp_path / "a")] == ["a_T1w.nii", "b_T1w.nii", "c_T1w.nii"]


def test_participants_without_the_prefix_are_known_and_those_without_a_row_are_told(tmp_path):
    make(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")
    (tmp_path / "participants.tsv").write_text("participant_id\tgroup\n01\ttumour\n")
    cohort = discover([tmp_path])
    assert [case.pathology for case in cohort] == ["tumour", ""]
    assert cohort.notes == ("participants.tsv has no row for 1 of 2 subjects: sub-02",)


def test_a_link_that_was_not_fetched_is_told_from_a_name_that_is_wrong(tmp_path):
    (tmp_path / "scan.nii.gz").symlink_to(tmp_path / "annex/4f3a")
    with pytest.raises(CohortError, match=r"a link to a file that is not there.*'datalad get'"):
        discover([tmp_path / "scan.nii.gz"])
    with pytest.raises(CohortError, match="no such file or folder"):
        discover([tmp_path / "skan.nii.gz"])


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ((), "no scan"),
        (("readme.txt",), "no scan"),
        (("sub-01/anat/sub-01_FLAIR.nii.gz",), "no scan"),
        (("sub-01/anat/sub-02_T1w.nii.gz",), "a T1w scan that belongs to no subject's folder"),
        (("sub-01/anat/T1w.nii.gz",), "a T1w scan that belongs to no subject's folder"),
        (("sub-01/anat/sub-01_T1w.nii.gz", "sub-02_T1w.nii.gz"), "a T1w scan that belongs to no subject's folder"),
        (("sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_desc-brain_T1w.nii.gz"), "two scans of this name"),
        (
            (
                "sub-01/anat/sub-01_T1w.nii.gz",
                "sub-01/anat/sub-01_label-L_mask.nii.gz",
                "derivatives/x/sub-01/anat/sub-01_label-L_mask.nii.gz",
            ),
            "2 lesion masks for one scan",
        ),
        (("a.nii", "a.nii.gz"), "two scans of this name"),
        (("a.nii", "a_mask.nii"), "a mask that cannot be assigned"),
        (("a.nii", "b_lesion.nii"), "a mask that cannot be assigned"),
    ],
)
def test_what_cannot_be_assigned_is_refused_never_skipped(files, found, tmp_path):
    with pytest.raises(CohortError) as caught:
        discover([make(tmp_path, *files)])
    assert found in str(caught.value)


def test_missing_and_foreign_inputs_are_refused(tmp_path):
    with pytest.raises(CohortError, match="no such file or folder"):
        discover([tmp_path / "absent"])
    with pytest.raises(CohortError, match="neither an image nor a table"):
        discover([make(tmp_path, "a.png") / "a.png"])
    with pytest.raises(CohortError, match="the inputs: found no scan"):
        discover([])


@pytest.mark.parametrize(
    ("image", "folder", "stem"),
    [
        ("sub-patient26_space-MNI152_desc-brain_T1w.nii.gz", "sub-patient26/anat", "sub-patient26"),
        ("sub-01_ses-2_run-1_T1w.nii", "sub-01/ses-2/anat", "sub-01_ses-2_run-1"),
        ("IXI002-Guys.nii.gz", "", "IXI002-Guys"),
    ],
)
def test_outputs_are_named_after_the_case(image, folder, stem, tmp_path):
    (case,) = discover([make(tmp_path, image) / image])
    expected = Path("out", folder, f"{stem}_space-orig_desc-pseudohealthy_T1w.nii.gz")
    assert derivative(Path("out"), case, "space-orig_desc-pseudohealthy_T1w.nii.gz") == expected


def test_outputs_of_a_named_case_follow_its_name_not_its_file():
    case = Case("visit2", Path("sub-01_T1w.nii.gz"))
    assert derivative(Path("out"), case, "x.json") == Path("out/visit2_x.json")


def test_real_datasets_are_found_as_they_are(shared_data):
    oasis = discover([shared_data / "oasis"])
    assert len(oasis) == 24
    assert (oasis[0].name, oasis[0].pathology, oasis[0].columns["age"]) == ("sub-1000", "healthy", "20")
    assert not any(case.lesion_mask or case.brain_mask for case in oasis)
    (patient,) = discover([shared_data / "mslub"])
    assert patient.image.name == "sub-patient26_space-MNI152_desc-brain_T1w.nii.gz"
    assert patient.lesion_mask.name == "sub-patient26_space-MNI152_label-L_mask.nii.gz"
    assert patient.pathology == "multiple sclerosis"
    gliomas = discover([shared_data / "lgg"])
    assert len(gliomas) == len(gliomas.annotated) == 26
    assert all(case.lesion_mask.name == f"{case.name}_label-L_mask.nii.gz" for case in gliomas)
