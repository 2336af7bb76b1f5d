import numpy as np

from conftest import make_brain
from layouts import summary
from pseudohealthy.io.bids import discover
from pseudohealthy.io.lesions import read_lesion_mask
from pseudohealthy.io.volume import write_volume


def case(name, *ends, parent="BraTS2021_Training_Data"):
    return [f"{parent}/{name}/{name}_{end}.nii.gz" for end in ends]


FULL = ("flair", "t1", "t1ce", "t2", "seg")


def test_t1_without_contrast_is_read_and_the_segmentation_attached(tree):
    root = tree(*case("BraTS2021_00000", *FULL), *case("BraTS2021_01666", *FULL))
    top = "BraTS2021_Training_Data"
    expected = [
        (name, f"{top}/{name}/{name}_t1.nii.gz", None, f"{top}/{name}/{name}_seg.nii.gz")
        for name in ("BraTS2021_00000", "BraTS2021_01666")
    ]
    for start in (root, root / top):
        assert summary(discover([start]), root) == expected
    assert summary(discover([root / top / "BraTS2021_00000"]), root) == expected[:1]
    cohort = discover([root])
    assert {(c.pathology, c.subject == c.name, c.columns["modalities"]) for c in cohort} == {
        ("tumour", True, "flair t1 t1ce t2")
    }
    assert "BraTS: not read: 2 flair, 2 t1ce, 2 t2" in cohort.notes


def test_labels_1_2_and_4_are_one_lesion_and_3_is_refused_in_2021(tree):
    root = tree(*case("BraTS2021_00000", *FULL))
    assert discover([root])[0].lesion_labels == (1, 2, 4)
    brain = make_brain((8.0, 8.0, 8.0))
    labels = np.zeros(brain.shape, np.uint8)
    labels.flat[:4] = (1, 2, 4, 0)
    write_volume(brain.like(labels), discover([root])[0].lesion_mask)
    mask = read_lesion_mask(discover([root])[0], brain)
    assert mask.lesion.data.flat[:4].tolist() == [True, True, True, False]
    assert not mask.ignored.data.any()


def test_later_years_have_other_names_labels_and_several_visits(tree):
    name = "BraTS-GLI-00000-001"
    root = tree(*(f"{name}/{name}-{end}.nii.gz" for end in ("t1n", "t1c", "t2w", "t2f", "seg")))
    (found,) = discover([root])
    assert (found.name, found.subject, found.lesion_labels) == (name, "BraTS-GLI-00000", (1, 2, 3, 4))
    assert found.image.name == f"{name}-t1n.nii.gz"
    assert found.lesion_mask.name == f"{name}-seg.nii.gz"


def test_earlier_years_are_read_unzipped(tree):
    name = "BraTS20_Training_001"
    root = tree(*(f"MICCAI_BraTS2020_TrainingData/{name}/{name}_{end}.nii" for end in FULL))
    assert [found.name for found in discover([root])] == [name]


def test_scans_of_the_validation_set_are_read_alone_and_left_out_beside_annotated_ones(tree):
    root = tree(
        *case("BraTS2021_00000", *FULL), *case("BraTS2021_00001", *FULL[:-1], parent="BraTS2021_ValidationData")
    )
    cohort = discover([root])
    assert [found.name for found in cohort] == ["BraTS2021_00000"]
    assert any("scans without a lesion mask, left out: 1;" in note for note in cohort.notes)
    alone = discover([root / "BraTS2021_ValidationData"])
    assert [(found.name, found.lesion_mask) for found in alone] == [("BraTS2021_00001", None)]


def test_copies_that_lie_loose_in_the_root_are_counted_not_read(tree):
    loose = [f"BraTS2021_00495_{end}.nii.gz" for end in FULL]
    root = tree(*loose)
    assert [found.name for found in discover([root])] == ["BraTS2021_00495"]  # where there is no other
    tree(*case("BraTS2021_00495", *FULL))
    (found,) = discover([root])
    assert found.image.parent.name == "BraTS2021_00495"
    assert any("1 T1" in note and "1 segmentation" in note for note in discover([root]).notes)
