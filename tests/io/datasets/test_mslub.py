import pytest

from layouts import summary
from pseudohealthy.errors import CohortError
from pseudohealthy.io.bids import discover

ENDS = ("T1W", "T1WKS", "T2W", "FLAIR", "brainmask", "consensus_gt")


def official(number):
    name = f"patient{number:02d}"
    raw = [f"{name}/raw/{name}_{end}.nii.gz" for end in ENDS[:4]]
    return [*(f"{name}/{name}_{end}.nii.gz" for end in ENDS), *raw]


def test_aligned_scans_are_read_with_brain_mask_and_consensus(tree):
    root = tree(*official(1), *official(26), "patient01/patient01_T1W_to_FLAIR.txt")
    cohort = discover([root])
    assert summary(cohort, root) == [
        (
            name,
            f"{name}/{name}_T1W.nii.gz",
            f"{name}/{name}_brainmask.nii.gz",
            f"{name}/{name}_consensus_gt.nii.gz",
        )
        for name in ("patient01", "patient26")
    ]
    assert {(case.pathology, case.columns["modalities"]) for case in cohort} == {("ms", "FLAIR T1W T1WKS T2W")}
    assert "MSLUB: not read: 2 FLAIR, 2 T1WKS, 2 T2W, 8 raw" in cohort.notes
    assert summary(discover([root / "patient01"]), root) == summary(cohort, root)[:1]


def test_the_repackaged_variant_is_read_from_its_aligned_half(tree):
    root = tree(
        *(f"cross_sectional/coregistered/patient02/{end}.nii.gz" for end in ENDS),
        *(f"cross_sectional/raw/patient02/{end}.nii.gz" for end in ENDS if end != "brainmask"),
        "cross_sectional/MNI/patient02/T1_N4_noneck_reduced_winsor_regtoFLAIR_brain_N4_regtoMNI.nii.gz",
        "longitudinal/coregistered/patient02/study1_T1W.nii.gz",
    )
    cohort = discover([root])
    assert [(case.name, case.image.parent.parent.name) for case in cohort] == [("patient02", "coregistered")]
    assert cohort[0].lesion_mask.name == "consensus_gt.nii.gz"


def test_raw_scans_alone_are_refused(tree):
    root = tree(*(f"raw/patient02/{end}.nii.gz" for end in ENDS if end != "brainmask"))
    with pytest.raises(CohortError, match="MSLUB's raw scans"):
        discover([root / "raw"])


def test_a_patient_without_consensus_is_named(tree):
    root = tree(*official(1), *(file for file in official(2) if "consensus" not in file))
    assert "MSLUB: no consensus_gt for patient02" in discover([root]).notes
