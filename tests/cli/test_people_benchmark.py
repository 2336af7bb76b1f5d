"""`benchmark` with people: lesions painted on made hosts, and made patients, in two steps of training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import make_brain
from made_cohort import with_folds, write_made_cohort
from pseudohealthy.cli import main
from pseudohealthy.errors import ConfigError, LeakError
from pseudohealthy.evaluate.table import read_cases
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.splits import refuse_leaks
from pseudohealthy.io.volume import write_volume
from pseudohealthy.stages.recipe import as_yaml as as_recipe_yaml
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.virtual.scan import make_scan
from pseudohealthy.workflows.experiments.methods import as_yaml
from pseudohealthy.workflows.experiments.plans import load_any_plan
from pseudohealthy.workflows.experiments.reuse import _copy, reuse
from pseudohealthy.workflows.experiments.trainings import stage_1
from pseudohealthy.workflows.experiments.unsupervised import recipe_of

PATIENTS = {
    "recipe": "smoke",
    "patients": "ill",
    "pathology": "ball",
    "healthy": ["well"],
    "healthy_roles": {"validation": 1, "calibration": 1, "test": 1},
    "roles": {"annotated": 2, "calibration": 1},
    "folds": 2,
    "segmenters": ["unet_res"],
    "fewer_annotated": [1],
    "seeds": [0],
}


@pytest.fixture(scope="module", autouse=True)
def coarse(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The plans of this file are run on a grid of an eighth of the voxels."""
    recipe = tmp_path_factory.mktemp("recipe") / "coarse-smoke.yaml"
    recipe.write_text(as_recipe_yaml(load_recipe("smoke", ["grid=coarse"])))
    PATIENTS["recipe"] = PAINTED["recipe"] = str(recipe)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("patients")
    write_made_cohort(data / "ill", {"": ("ball", 6)})
    for seed in range(10, 14):
        image = with_folds(make_brain((5.0, 5.0, 5.0), seed=seed), seed)
        write_volume(image, data / f"well/sub-{seed}/anat/sub-{seed}_T1w.nii.gz")
    return data


@pytest.fixture(scope="module")
def whole(people: Path) -> Path:
    """The output of a whole run."""
    plan, out = people / "plan.yaml", people / "out"
    plan.write_text(yaml.safe_dump(PATIENTS))
    assert main(["benchmark", str(plan), "--out", str(out), "--data", str(people)]) == 0
    return out


def test_every_patient_is_tested_once_by_networks_that_have_not_seen_them(whole: Path) -> None:
    cases = [case for case in read_cases(whole / "cases.tsv") if case.row == "sadm_res" and case.grid == "native"]
    assert sorted(case.case for case in cases if case.test_set == "ball") == [f"sub-0{i}" for i in range(6)]
    assert len([case for case in cases if case.test_set == "healthy"]) == 2  # the same person in each fold
    for fold in (whole / "seed-0").glob("fold-*"):
        learned = json.loads((fold / "stage-2-unet_res/model/config.json").read_text())["trained_on"]
        tested = {case.case for case in read_cases(fold / "cases.tsv")}
        assert not tested & {name for stage in learned.values() for name in stage}
    assert (whole / "report.html").is_file()
    assert {case.row for case in read_cases(whole / "seed-0/fold-0/betas.tsv")} >= {"beta=0.0", "beta=0.5", "beta=1.0"}


def test_the_curve_has_the_main_network_with_fewer_annotated_people_and_with_all(whole: Path) -> None:
    curves = [case for case in read_cases(whole / "curves.tsv") if "@" in case.row and case.test_set == "ball"]
    tested = {row: {case.case for case in curves if case.row == row} for row in {case.row for case in curves}}
    assert set(tested) == {"unet_res@1", "sadm_res@1", "unet_res@2", "sadm_res@2"}
    assert all(len(names) == 6 for names in tested.values())
    for fold in (whole / "seed-0").glob("fold-*"):
        one, all_of_them = (
            json.loads((folder / "stage-2-unet_res/model/config.json").read_text())["trained_on"]["segmenter"]
            for folder in (fold / "fewer/1", fold)
        )
        assert len(one) == 1
        assert len(all_of_them) == 2
        assert one.items() <= all_of_them.items()
    assert "The number of annotated scans" in (whole / "report.html").read_text()


def test_an_interrupted_fold_goes_on_and_gives_the_same_table(
    people: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    arguments = ["benchmark", str(people / "plan.yaml"), "--out", str(tmp_path), "--data", str(people)]
    with monkeypatch.context() as patched:
        patched.setattr("pseudohealthy.workflows.experiments.phases.calibrate", interrupted)
        assert main(arguments) == 130
    assert main([*arguments, "--resume"]) == 0
    assert (tmp_path / "cases.tsv").read_bytes() == (whole / "cases.tsv").read_bytes()


def test_methods_of_patients_are_trained_once_a_seed_and_tested_in_every_fold(
    people: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole, tmp_path / "out")  # what a plan without methods has left
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump(PATIENTS | {"unsupervised": ["ae"]}))
    (tmp_path / "out/config.yaml").write_text(as_yaml(load_any_plan(plan)))
    again = "pseudohealthy.workflows.experiments.trainings.train_segmenter"
    monkeypatch.setattr(again, lambda *_, **__: pytest.fail("again"))
    arguments = ["benchmark", str(plan), "--out", str(tmp_path / "out"), "--data", str(people), "--resume"]
    assert main(arguments) == 0
    cases = read_cases(tmp_path / "out/cases.tsv")
    tested = [[(case.case, case.grid) for case in cases if case.row == row] for row in ("ae", "cddpm")]
    assert tested[0] == tested[1] != []
    assert len(list((tmp_path / "out").rglob("stage-1-ae"))) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"roles": {"annotated": 3, "calibration": 1}}, "found 6 patients, of whom 3 are not tested in a fold"),
        ({"healthy_roles": {"validation": 2, "calibration": 1, "test": 1}}, "found 4 healthy scans"),
        ({"patients": "well"}, "found no lesion mask for sub-10"),
        ({"folds": 1}, "fewer than 2 folds"),
        ({"fewer_annotated": [2]}, "not all below the annotated people"),
        ({"fewer_annotated": [0]}, "one person or more"),
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
    "stratify": ["age"],
    "seeds": [1],
}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Virtual people in the role of real ones: their tissues are known."""
    data = tmp_path_factory.mktemp("people")
    for seed in range(8):
        scan = make_scan(seed, spacing_mm=4.0)
        tissues = scan.painted.shape.canvas
        kinds = np.argmax([tissues.csf, tissues.gm, tissues.wm], axis=0) + 1
        labels = np.zeros(scan.image.shape, np.uint8)
        labels[scan.window] = kinds * tissues.brain
        folder = data / f"hosts/derivatives/labels/sub-{seed}/anat"
        write_volume(scan.image, data / f"hosts/sub-{seed}/anat/sub-{seed}_T1w.nii.gz")
        write_volume(scan.image.like(labels), folder / f"sub-{seed}_desc-tissue_dseg.nii.gz")
    ages = "".join(f"sub-{seed}\t{30 + 10 * (seed // 2)}\n" for seed in range(8))
    (data / "hosts/participants.tsv").write_text(f"participant_id\tage\n{ages}")
    return data


@pytest.fixture(scope="module")
def painted(hosts: Path) -> Path:
    """The output of a whole run."""
    plan, out = hosts / "plan.yaml", hosts / "out"
    plan.write_text(yaml.safe_dump(PAINTED))
    assert main(["benchmark", str(plan), "--data", str(hosts), "--out", str(out)]) == 0
    return out


def test_everyone_is_painted_on_and_tested_once_and_sham_has_its_twin(painted: Path) -> None:
    cases = [case for case in read_cases(painted / "tumour/cases.tsv") if case.row == "zmap" and case.grid == "native"]
    sets = ("healthy", "sham0", "tumour0", "haemorrhage0")
    assert sorted(case.case for case in cases) == sorted(f"1/sub-{n}_ses-{lesion}" for n in range(8) for lesion in sets)
    assert {case.subject for case in cases} == {f"sub-{person}" for person in range(8)}
    twins = [case.metrics["excess_over_twin"] for case in cases if case.test_set == "sham"]
    assert len(twins) == 8
    assert None not in twins
    claims = json.loads((painted / "tumour/claims.json").read_text())
    page = " ".join((painted / "tumour/report.html").read_text().split())
    assert "far-unseen" in page  # blood is bright, tumours are dark
    assert [claim["claim"]["name"] for claim in claims[:5]] == [f"claim {number}" for number in range(1, 6)]


def test_nobody_is_learned_from_and_tested_and_a_person_on_two_sides_is_refused(painted: Path) -> None:
    for fold in (painted / "seed-1").glob("fold-*"):
        learned = json.loads((fold / "tumour/model/config.json").read_text())["trained_on"]
        people = {name.partition("_")[0] for stage in learned.values() for name in stage}
        assert len(people) == 2  # one for each stage
        assert not people & {case.subject for case in read_cases(fold / "tumour/cases.tsv")}
    cohort = discover([painted / "seed-1/data"])
    with pytest.raises(LeakError, match="subject"):
        refuse_leaks({"train": cohort[:1], "test": cohort[1:2]})


def test_shards_that_are_pooled_give_the_same_table(painted: Path, hosts: Path, tmp_path: Path) -> None:
    for done in ("data", "fold-0"):  # what the other shard has left; painting takes longest
        shutil.copytree(painted / "seed-1" / done, tmp_path / "seed-1" / done)
    arguments = ["benchmark", str(hosts / "plan.yaml"), "--data", str(hosts), "--out", str(tmp_path)]
    assert main([*arguments, "--shard", "2/2"]) == 0
    assert not (tmp_path / "tumour/results.json").exists()
    assert main([*arguments, "--resume"]) == 0
    assert (tmp_path / "tumour/cases.tsv").read_bytes() == (painted / "tumour/cases.tsv").read_bytes()


def test_a_plan_with_more_methods_goes_on_from_what_another_run_has_painted_and_trained(
    painted: Path, hosts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("trainings.train_segmenter", "painted_experiment.paint_cohort"):
        monkeypatch.setattr(f"pseudohealthy.workflows.experiments.{name}", lambda *_, **__: pytest.fail("again"))
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(yaml.safe_dump(PAINTED | {"unsupervised": ["ae"]}))
    arguments = ["benchmark", str(plan), "--data", str(hosts), "--out", str(out), "--reuse", str(painted)]
    assert main(arguments) == 0
    cases, before = (read_cases(folder / "tumour/cases.tsv") for folder in (out, painted))
    assert [case for case in cases if case.row != "ae"] == before
    tested = {(case.case, case.test_set) for case in cases if case.row == "ae"}
    assert tested == {(case.case, case.test_set) for case in before}  # everyone, once
    learned = json.loads((out / "seed-1/fold-0/stage-1-ae/model/config.json").read_text())["trained_on"]
    assert learned == json.loads((painted / "seed-1/fold-0/stage-1/model/config.json").read_text())["trained_on"]
    assert json.loads((out / "tumour/methods.json").read_text())["ae"]["fall"] is not None

    plan.write_text(yaml.safe_dump(PAINTED | {"unsupervised": ["ae"], "copies": 2}))
    assert main([*arguments[:-3], str(tmp_path / "other"), *arguments[-2:]]) == 2
    assert "found another experiment: copies was 1 and is 2, " in capsys.readouterr().err

    plan.write_text(yaml.safe_dump(PAINTED | {"annotated": ["tumour", "haemorrhage"]}))
    assert main([*arguments[:-3], str(tmp_path / "other"), *arguments[-2:]]) == 2
    assert "found another experiment: haemorrhage was painted in fewer copies;" in capsys.readouterr().err

    (tmp_path / "fourth/seed-1/data").mkdir(parents=True)
    (tmp_path / "fourth/seed-1/data/cohort.tsv").write_text("case\timage\n")
    plan.write_text(yaml.safe_dump(PAINTED))
    with pytest.raises(ConfigError, match="seed 1 was painted here, too, in another way"):
        reuse(RunFolder(tmp_path / "fourth"), load_any_plan(str(plan)), out)

    changed = {"unsupervised": ["ae"], "methods": {"ae": {"reconstructor_training.steps": 3}}}
    plan.write_text(yaml.safe_dump(PAINTED | changed))
    reuse(RunFolder(tmp_path / "third"), load_any_plan(str(plan)), out)
    third = tmp_path / "third/seed-1/fold-0"
    assert (third / "stage-1/model/config.json").is_file()
    assert not (third / "stage-1-ae").exists()
    assert (third / "tumour/counts.tsv").read_bytes() == (out / "seed-1/fold-0/tumour/counts.tsv").read_bytes()
    shutil.copytree(out / "seed-1/fold-0/stage-1-ae", third / "stage-1-ae")
    recipe = recipe_of(load_any_plan(str(plan)), "ae", 1)
    with pytest.raises(ConfigError, match=r"reconstructor_training\.steps was 2 and is 3"):
        stage_1(Cohort(()), recipe, RunFolder(third), resume=True, folder="stage-1-ae")


def test_what_another_process_has_copied_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "from/data").mkdir(parents=True)
    (tmp_path / "from/data/cohort.tsv").write_text("a table")
    (tmp_path / "to").mkdir()
    copytree = shutil.copytree

    def overtaken(source: Path, target: Path) -> None:
        copytree(source, target)
        copytree(source, tmp_path / "to/data")

    monkeypatch.setattr("pseudohealthy.workflows.experiments.reuse.shutil.copytree", overtaken)
    _copy(RunFolder(tmp_path / "to"), tmp_path / "from", "data")
    assert [path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*")] == [
        "data",
        "data/cohort.tsv",
    ]
