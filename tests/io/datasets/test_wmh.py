import numpy as np
import pytest

from conftest import make_brain
from layouts import summary
from pseudohealthy.errors import ImageError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.lesions import read_lesion_mask
from pseudohealthy.io.volume import write_volume

FILES = (
    *("orig/3DT1.nii.gz", "orig/3DT1_mask.nii.gz", "orig/FLAIR.nii.gz", "orig/T1.nii.gz"),
    *("pre/3DT1.nii.gz", "pre/FLAIR.nii.gz", "pre/T1.nii.gz", "wmh.nii.gz"),
)
PEOPLE = (
    *("training/Utrecht/0", "training/Singapore/50", "training/Amsterdam/GE3T/100"),
    *("test/Amsterdam/Philips_VU .PETMR_01./160", "test/Amsterdam/GE1T5/150"),
)


@pytest.fixture
def dataset(tree):
    observers = [f"additional_annotations/observer_o{n}/training/Utrecht/0/result.nii.gz" for n in (3, 4)]
    return tree(*(f"{person}/{file}" for person in PEOPLE for file in FILES), *observers)


def test_t1_on_the_grid_of_the_lesions_is_read_at_every_site(dataset):
    cohort = discover([dataset])
    assert {row[0]: row[1:] for row in summary(cohort, dataset)} == {
        name: (f"{person}/pre/T1.nii.gz", None, f"{person}/wmh.nii.gz")
        for name, person in zip(
            ("Utrecht_0", "Singapore_50", "GE3T_100", "Philips_VU_PETMR_01_160", "GE1T5_150"), PEOPLE, strict=True
        )
    }
    assert {case.name: (case.columns["site"], case.columns["official_split"]) for case in cohort} == {
        "Utrecht_0": ("Utrecht", "training"),
        "Singapore_50": ("Singapore", "training"),
        "GE3T_100": ("Amsterdam", "training"),
        "Philips_VU_PETMR_01_160": ("Amsterdam", "test"),
        "GE1T5_150": ("Amsterdam", "test"),
    }
    assert {(case.pathology, case.columns["modalities"]) for case in cohort} == {("wmh", "3DT1 FLAIR T1")}
    (note,) = [note for note in cohort.notes if "not read" in note]
    for part in ("10 3DT1 (not on the grid of the lesions)", "10 FLAIR", "2 annotations by other observers"):
        assert part in note


@pytest.mark.parametrize(
    ("start", "names"),
    [
        ("training", {"Utrecht_0", "Singapore_50", "GE3T_100"}),
        ("training/Utrecht", {"Utrecht_0"}),
        ("training/Amsterdam", {"GE3T_100"}),
        ("training/Utrecht/0", {"Utrecht_0"}),
        ("test", {"Philips_VU_PETMR_01_160", "GE1T5_150"}),
    ],
)
def test_a_part_of_it_is_enough(dataset, start, names):
    assert {case.name for case in discover([dataset / start])} == names


def test_the_older_layout_without_bias_field_correction_is_read(tree):
    root = tree(*(f"public/GE3T/137/{file}" for file in FILES if not file.startswith("pre")))
    (case,) = discover([root])
    assert (case.name, case.image.parent.name) == ("GE3T_137", "orig")


def test_other_pathology_is_ignored_and_never_lesion(tree):
    root = tree(*(f"training/Utrecht/0/{file}" for file in FILES))
    brain = make_brain((8.0, 8.0, 8.0))
    labels = np.zeros(brain.shape, np.float32)  # as they are stored
    labels.flat[:3] = (1, 2, 0)
    (case,) = discover([root])
    write_volume(brain.like(labels), case.lesion_mask)
    mask = read_lesion_mask(case, brain)
    assert mask.lesion.data.flat[:3].tolist() == [True, False, False]
    assert mask.ignored.data.flat[:3].tolist() == [False, True, False]
    labels.flat[3] = 3
    write_volume(brain.like(labels), case.lesion_mask)
    with pytest.raises(ImageError, match="the values 3; needed 0, 1 and 2 only"):
        read_lesion_mask(case, brain)
