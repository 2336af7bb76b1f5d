"""`benchmark` with people: lesions painted on made hosts, and made patients, in two steps of training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import make_brain
from made_cohort import with_folds, write_made_cohort
from pseudohealthy.cli import main
from pseudohealthy.errors import LeakError
from pseudohealthy.evaluate.table import read_cases
from pseudohealthy.io.bids import discover
from pseudohealthy.io.splits import refuse_leaks
from pseudohealthy.io.volume import write_volume

PATIENTS = {
    "recipe": "smoke",
    "patients": "ill",
    "pathology": "ball",
    "healthy": ["well"],
    "healthy_roles": {"validation": 1, "calibration": 1, "test": 1},
    "roles": {"annotated": 1, "calibration": 1},
    "folds": 3,
    "segmenters": ["unet_res"],
    "seeds": [0],
}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    write_made_cohort(data / "ill", {"": ("ball", 3)})
    for seed in range(10, 14):
        image = with_folds(make_brain((5.0, 5.0, 5.0), seed=seed), seed)
        write_volume(image, data / f"well/sub-{seed}/anat/sub-{seed}_T1w.nii.gz")
    return data


def test_every_patient_is_tested_once_by_networks_that_have_not_seen_them(people: Path, tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(yaml.safe_dump(PATIENTS))
    assert main(["benchmark", str(plan), "--out", str(out), "--data", str(people)]) == 0
    cases = [case for case in read_cases(out / "cases.tsv") if case.row == "sadm_res" and case.grid == "native"]
    assert sorted(case.case for case in cases if case.test_set == "ball") == ["sub-00", "sub-01", "sub-02"]
    assert len([case for case in cases if case.test_set == "healthy"]) == 3  # the same person in each fold
    for number in range(3):
        fold = out / "seed-0" / f"fold-{number}"
        learned = json.loads((fold / "stage-2-unet_res/model/config.json").read_text())["trained_on"]
        tested = {case.case for case in read_cases(fold / "cases.tsv")}
        assert not tested & {name for stage in learned.values() for name in stage}
    assert (out / "report.html").is_file()
    assert {case.row for case in read_cases(out / "seed-0/fold-0/betas.tsv")} >= {"beta=0.0", "beta=0.5", "beta=1.0"}


def test_an_interrupted_fold_goes_on_and_gives_the_same_table(people: Path, tmp_path: Path, monkeypatch) -> None:
    plan, whole, broken = tmp_path / "plan.yaml", tmp_path / "whole", tmp_path / "broken"
    plan.write_text(yaml.safe_dump(PATIENTS))
    assert main(["benchmark", str(plan), "--out", str(whole), "--data", str(people)]) == 0

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pseudohealthy.workflows.one_fold.calibrate", interrupted)
        assert main(["benchmark", str(plan), "--out", str(broken), "--data", str(people)]) == 130
    arguments = ["benchmark", str(plan), "--out", str(broken), "--data", str(people), "--resume"]
    assert main(arguments) == 0
    assert (broken / "cases.tsv").read_bytes() == (whole / "cases.tsv").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"roles": {"annotated": 2, "calibration": 1}}, "found 3 patients, of whom 2 are not tested in a fold"),
        ({"healthy_roles": {"validation": 2, "calibration": 1, "test": 1}}, "found 4 healthy scans"),
        ({"patients": "well"}, "found no lesion mask for sub-10"),
        ({"folds": 1}, "fewer than 2 folds"),
        ({"blood": 1}, "blood"),
    ],
)
def test_a_plan_that_does_not_fit_the_people_is_refused(people, tmp_path, capsys, change, message) -> None:
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(yaml.safe_dump(PATIENTS | change))
    assert main(["benchmark", str(plan), "--out", str(out), "--data", str(people)]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()


@pytest.mark.parametrize("option", [("--data", "."), ("--shard", "1/2")])
def test_options_for_people_are_refused_for_virtual_brains(tmp_path, capsys, option) -> None:
    assert main(["benchmark", "smoke", "--out", str(tmp_path / "out"), *option]) == 2
    assert f"Leave {option[0]} out." in capsys.readouterr().err


PAINTED = {
    "recipe": "smoke",
    "hosts": "hosts",
    "spacing_mm": 4,
    "folds": 2,
    "roles": dict.fromkeys(("train", "validation", "annotated", "calibration"), 1),
    "sets": ["tumour", "haemorrhage"],
    "annotated": ["tumour"],
    "segmenters": ["unet_res"],
    "seeds": [1],
}


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    for seed in range(8):
        brain = with_folds(make_brain((4.0, 4.0, 4.0), seed=seed), seed)
        labels = np.select([brain.data > 900, brain.data > 500, brain.data > 0], [3, 2, 1], 0).astype(np.int16)
        write_volume(brain, data / f"hosts/sub-{seed}/anat/sub-{seed}_T1w.nii.gz")
        write_volume(
            brain.like(labels), data / f"hosts/derivatives/labels/sub-{seed}/anat/sub-{seed}_desc-tissue_dseg.nii.gz"
        )
    return data


def test_everyone_is_painted_on_and_tested_once_and_shards_give_the_same_table(hosts: Path, tmp_path: Path) -> None:
    plan, whole, shared = tmp_path / "plan.yaml", tmp_path / "whole", tmp_path / "shared"
    plan.write_text(yaml.safe_dump(PAINTED))
    arguments = ["benchmark", str(plan), "--data", str(hosts), "--out"]
    assert main([*arguments, str(whole)]) == 0
    cases = [case for case in read_cases(whole / "tumour/cases.tsv") if case.row == "zmap" and case.grid == "native"]
    names = [f"1/sub-{person}_ses-{lesion}" for person in range(8) for lesion in ("healthy", "sham0", "tumour0")]
    assert set(names) <= {case.case for case in cases}
    assert len(cases) == 8 * 4
    assert {case.subject for case in cases} == {f"sub-{person}" for person in range(8)}
    twins = [case.metrics["excess_over_twin"] for case in cases if case.test_set == "sham"]
    assert len(twins) == 8
    assert None not in twins
    assert len(json.loads((whole / "tumour/claims.json").read_text())) >= 5

    for part in ("2/2", "1/2"):
        assert main([*arguments, str(shared), "--shard", part]) == 0
        assert not (shared / "tumour/results.json").exists()
    assert main([*arguments, str(shared), "--resume"]) == 0
    assert (shared / "tumour/cases.tsv").read_bytes() == (whole / "tumour/cases.tsv").read_bytes()


def test_painted_scans_of_a_person_stay_on_one_side(hosts: Path, tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(yaml.safe_dump(PAINTED | {"folds": 8}))
    assert main(["benchmark", str(plan), "--data", str(hosts), "--out", str(out), "--shard", "1/8"]) == 0
    learned = json.loads((out / "seed-1/fold-0/tumour/model/config.json").read_text())["trained_on"]
    people = {name.partition("_")[0] for stage in learned.values() for name in stage}
    (tested,) = {case.subject for case in read_cases(out / "seed-1/fold-0/tumour/cases.tsv")}
    assert tested not in people
    painted = discover([out / "seed-1/data"])
    with pytest.raises(LeakError, match="subject"):
        refuse_leaks({"train": painted[:1], "test": painted[1:2]})
