from pathlib import Path

import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import Case, Cohort, read_cohort, write_cohort


@pytest.fixture
def folder(tmp_path):
    for name in ("a.nii", "b.nii", "b_lesion.nii", "b_brain.nii", "sub-07_ses-2_T1w.nii.gz"):
        (tmp_path / name).touch()
    return tmp_path


def table(folder, text):
    path = folder / "cohort.tsv"
    path.write_text(text.replace(" ", "\t") + "\n")
    return path


def test_every_column_finds_its_place(folder):
    cohort = read_cohort(
        table(
            folder,
            "case image brain_mask lesion_mask subject mask_source label_map split pathology age\n"
            "B b.nii b_brain.nii b_lesion.nii p1 m1 l1 test stroke 66",
        )
    )
    assert cohort[0] == Case(
        name="B",
        image=folder / "b.nii",
        brain_mask=folder / "b_brain.nii",
        lesion_mask=folder / "b_lesion.nii",
        subject="p1",
        mask_source="m1",
        label_map="l1",
        split="test",
        pathology="stroke",
        columns={"age": "66"},
    )


def test_image_alone_is_enough(folder):
    cohort = read_cohort(table(folder, "image\na.nii\nsub-07_ses-2_T1w.nii.gz"))
    assert [(case.name, case.subject) for case in cohort] == [("a", "a"), ("sub-07_ses-2", "sub-07")]
    assert cohort[0].lesion_mask is None
    assert len(cohort.annotated) == 0


def test_cohort_returns_as_written_from_another_folder(folder):
    cohort = read_cohort(table(folder, "image lesion_mask split age\na.nii n/a train 5\nb.nii b_lesion.nii n/a n/a"))
    write_cohort(cohort, folder / "deep" / "er" / "copy.csv")
    assert "../../a.nii" in (folder / "deep" / "er" / "copy.csv").read_text()
    copy = read_cohort(folder / "deep" / "er" / "copy.csv")
    assert [(case.name, case.image.resolve(), case.split, case.columns) for case in copy] == [
        ("a", (folder / "a.nii").resolve(), "train", {"age": "5"}),
        ("b", (folder / "b.nii").resolve(), "", {"age": ""}),
    ]
    assert copy.annotated[0].lesion_mask.resolve() == (folder / "b_lesion.nii").resolve()


def test_what_labels_mean_returns_as_written_and_usual_labels_need_no_column(folder):
    usual = read_cohort(table(folder, "image lesion_mask\nb.nii b_lesion.nii"))
    assert (usual[0].lesion_labels, usual[0].ignored_labels) == ((1,), ())
    write_cohort(usual, folder / "usual.tsv")
    assert "labels" not in (folder / "usual.tsv").read_text()
    (folder / "cohort.tsv").write_text(
        "image\tlesion_mask\tlesion_labels\tignored_labels\nb.nii\tb_lesion.nii\t1 2 4\t3\na.nii\tn/a\tn/a\tn/a\n"
    )
    cohort = read_cohort(folder / "cohort.tsv")
    assert [(case.lesion_labels, case.ignored_labels) for case in cohort] == [((1, 2, 4), (3,)), ((1,), ())]
    assert cohort[0].columns == {}
    write_cohort(cohort, folder / "copy.tsv")
    assert [(case.lesion_labels, case.ignored_labels) for case in read_cohort(folder / "copy.tsv")] == [
        ((1, 2, 4), (3,)),
        ((1,), ()),
    ]


def test_cohort_is_a_sequence_that_can_be_asked(tmp_path):
    cohort = Cohort(
        Case(name, tmp_path / name, split=split, pathology=kind, columns={"site": site})
        for name, split, kind, site in [
            ("a", "train", "healthy", "x"),
            ("b", "train", "stroke", "y"),
            ("c", "test", "stroke", "x"),
        ]
    )
    assert [case.name for case in cohort.split("train")] == ["a", "b"]
    assert [case.name for case in cohort.where(pathology="stroke", site="x")] == ["c"]
    assert [case.name for case in cohort.where(name="b")] == ["b"]
    assert isinstance(cohort[1:], Cohort)
    assert [case.name for case in cohort[1:]] == ["b", "c"]
    assert cohort[-1].name == "c"
    assert len(cohort.split("validation")) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("image", "no rows"),
        ("case image\na n/a", "a row without an image"),
        ("image\nc.nii", "c.nii, which does not exist"),
        ("image lesion_mask\na.nii c.nii", "the lesion mask"),
        ("case image\nA a.nii\nA b.nii", "two scans of this name"),
        ("case image\nA a.nii\nA a.nii", "a.nii twice; needed one scan a case"),
        ("image split\na.nii val", "the split 'val'"),
        ("image lesion_labels\na.nii one", "'one' in the column 'lesion_labels'"),
        ("image ignored_labels\na.nii 1", "the lesion labels (1,) and the ignored labels (1,)"),
        ("image lesion_labels\na.nii 0", "the lesion labels (0,)"),
        ("case image\n../a a.nii", "the case name '../a'"),
        ("case image\n.a a.nii", "the case name '.a'"),
    ],
)
def test_bad_table_is_refused(text, found, folder):
    with pytest.raises(CohortError) as caught:
        read_cohort(table(folder, text))
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_without_its_file_and_a_folder_are_told_from_an_absent_file(tmp_path):
    annexed = tmp_path / "dataset" / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    annexed.parent.mkdir(parents=True)
    annexed.symlink_to("../../.git/annex/objects/x/sub-01_T1w.nii.gz")
    with pytest.raises(CohortError, match=r"a link to a file that is not there; needed a file\..*'datalad get'"):
        discover([tmp_path / "dataset"])
    (tmp_path / "scans" / "foo.nii.gz").mkdir(parents=True)
    with pytest.raises(CohortError, match=r"foo\.nii\.gz, which is a folder; needed a file"):
        discover([tmp_path / "scans"])


def test_a_table_written_behind_a_linked_folder_finds_its_files(tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep/er")
    (tmp_path / "scan.nii").write_text("")
    write_cohort(Cohort([Case("scan", tmp_path / "scan.nii")]), tmp_path / "link/people.tsv")
    (case,) = read_cohort(tmp_path / "link/people.tsv")
    (tmp_path / "store").mkdir()
    (tmp_path / "store/scan.nii").write_text("")
    (tmp_path / "data").symlink_to(tmp_path / "store")
    for _ in range(2):  # the folder of the table is new the first time
        write_cohort(Cohort([Case("scan", tmp_path / "data/scan.nii")]), tmp_path / "new/people.tsv")
        assert "../data/scan.nii" in (tmp_path / "new/people.tsv").read_text()
    assert case.image.samefile(tmp_path / "scan.nii")


@pytest.mark.parametrize(("name", "said"), [("x" * 161, "a name of 161 bytes"), ("M\udcfcller", "no UTF-8 name")])
def test_names_that_outputs_cannot_have_are_refused(name, said):
    with pytest.raises(CohortError, match=said) as caught:
        Case(name, Path(f"{name}.nii.gz"))
    assert str(caught.value).encode()


@pytest.mark.parametrize(
    ("column", "meant"), [("lesionmask", "lesion_mask"), ("Split", "split"), ("lesion mask", "lesion_mask")]
)
def test_a_column_that_is_nearly_a_known_one_is_refused(column, meant, tmp_path):
    (tmp_path / "a.nii.gz").touch()
    (tmp_path / "cohort.tsv").write_text(f"image\t{column}\na.nii.gz\t\n")
    with pytest.raises(CohortError, match=f"a column '{column}'; needed the name '{meant}'"):
        read_cohort(tmp_path / "cohort.tsv")
    (tmp_path / "cohort.tsv").write_text("image\tscanner\na.nii.gz\tours\n")
    assert read_cohort(tmp_path / "cohort.tsv")[0].columns == {"scanner": "ours"}
