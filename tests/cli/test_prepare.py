"""`prepare`: what is written, what fails, what is left untouched, and that the number of jobs changes no byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import make_brain
from pseudohealthy.cli import main
from pseudohealthy.io.cohort import read_cohort
from pseudohealthy.io.volume import read_mask, read_volume, write_volume
from trees import assert_golden, snapshot


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Options that make it fast: a coarse grid, no bias field, no registration."""
    recipe = tmp_path_factory.mktemp("recipe") / "quick.yaml"
    recipe.write_text("{space: brainbox, spacing_mm: 4.0}")
    return "--config", str(recipe)


def write_scan(file: Path, seed: int) -> None:
    write_volume(make_brain((5.0, 5, 5), seed=seed), file)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scans, one with a lesion mask, and one that is broken."""
    folder = tmp_path_factory.mktemp("raw")
    for seed, name in enumerate(("sub-01", "sub-02")):
        write_scan(folder / f"{name}_T1w.nii.gz", seed)
    scan = read_volume(folder / "sub-02_T1w.nii.gz")
    lesion = scan.like(np.zeros(scan.shape, np.bool_))
    lesion.data[8:12, 18:22, 14:17] = True
    write_volume(lesion, folder / "sub-02_label-L_mask.nii.gz")
    (folder / "sub-03_T1w.nii.gz").write_bytes((folder / "sub-01_T1w.nii.gz").read_bytes()[:2000])
    return folder


@pytest.fixture(scope="module")
def prepared(raw: Path, tmp_path_factory: pytest.TempPathFactory, quick) -> Path:
    out = tmp_path_factory.mktemp("out") / "prepared"
    assert main(["prepare", str(raw), str(out), *quick, "--jobs", "2"]) == 3
    return out


def scans(out: Path) -> dict[str, bytes | None]:
    """What is written for the cases themselves: no log, no time."""
    return {name.removeprefix(str(out)): content for name, content in snapshot(out).items() if "/sub-0" in name}


def test_the_files_are_those_of_the_golden_tree(prepared: Path) -> None:
    assert_golden(prepared, "prepare")


def test_a_broken_scan_is_listed_and_stops_no_other(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], quick
) -> None:
    assert main(["prepare", str(raw), str(tmp_path / "out"), *quick]) == 3
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("pseudohealthy: 1 of 3 cases failed: sub-03 (")
    assert "damaged gzip" in last


def test_the_number_of_jobs_changes_no_byte(raw: Path, prepared: Path, tmp_path: Path, quick) -> None:
    main(["prepare", str(raw), str(tmp_path / "out"), *quick, "--jobs", "1"])
    assert scans(tmp_path / "out") == scans(prepared)


def test_the_table_leads_to_scans_and_masks_on_one_grid(prepared: Path) -> None:
    cohort = read_cohort(prepared / "cohort.tsv")
    assert [case.name for case in cohort] == ["sub-01", "sub-02"]
    assert [case.lesion_mask is not None for case in cohort] == [False, True]
    scan = read_volume(cohort[1].image)
    brain, lesion = (read_mask(file, scan, "mask") for file in (cohort[1].brain_mask, cohort[1].lesion_mask))
    assert scan.shape == (40, 48, 40)
    assert scan.sform_code == 2  # aligned to its own box, which is not MNI
    assert not scan.data[~brain.data].any()
    assert (lesion.data & brain.data).sum() == lesion.data.sum() > 0


def test_the_sidecar_says_how_it_was_made(prepared: Path) -> None:
    told = json.loads((prepared / "sub-01/anat/sub-01_space-brainbox_desc-preproc_T1w.json").read_text())
    assert told["SkullStripped"] is True
    assert list(told["Steps"]) == ["read", "brain_mask", "bias_field", "intensity", "resample"]
    assert told["Settings"]["space"] == "brainbox"
    assert all((prepared / file).is_file() for file in told["Files"].values())


def test_the_page_shows_what_failed_first(prepared: Path) -> None:
    page = (prepared / "prepare.html").read_text()
    assert page.index('<h2 id="sub-03">') < page.index('<h2 id="sub-01">') < page.index('<h2 id="sub-02">')
    assert page.count("data:image/webp") == 2


def test_what_is_finished_is_left_untouched(raw: Path, tmp_path: Path, quick) -> None:
    out, scans_in = tmp_path / "out", tmp_path / "in"
    scans_in.mkdir()
    write_scan(scans_in / "sub-01_T1w.nii.gz", 0)
    assert main(["prepare", str(scans_in), str(out), *quick]) == 0
    before = {file: file.stat().st_mtime_ns for file in out.rglob("sub-01*") if file.is_file()}
    write_scan(scans_in / "sub-02_T1w.nii.gz", 1)
    assert main(["prepare", str(scans_in), str(out), *quick, "--resume"]) == 0
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert [case.name for case in read_cohort(out / "cohort.tsv")] == ["sub-01", "sub-02"]
    write_scan(scans_in / "sub-01_T1w.nii.gz", 2)  # another scan under the same name is done again
    assert main(["prepare", str(scans_in), str(out), *quick, "--resume"]) == 0
    image = out / "sub-01/anat/sub-01_space-brainbox_desc-preproc_T1w.nii.gz"
    assert image.stat().st_mtime_ns != before[image]


def test_scans_that_are_prepared_later_join_those_that_were(tmp_path: Path, quick) -> None:
    out = tmp_path / "out"
    for seed in range(2):
        write_scan(tmp_path / f"head{seed}.nii.gz", seed)
        assert main(["prepare", str(tmp_path / f"head{seed}.nii.gz"), str(out), *quick, "--resume"]) == 0
    assert [case.name for case in read_cohort(out / "cohort.tsv")] == ["head0", "head1"]
    page = (out / "prepare.html").read_text()
    assert page.count("data:image/webp") == 2
    (out / "head0_space-brainbox_desc-preproc_T1w.nii.gz").unlink()
    assert main(["prepare", str(tmp_path / "head1.nii.gz"), str(out), *quick, "--resume"]) == 0
    assert [case.name for case in read_cohort(out / "cohort.tsv")] == ["head1"]


def test_a_dataset_that_was_given_for_the_output_folder_is_left_alone(tmp_path: Path, quick, refuse) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_scan(tmp_path / name / "head.nii.gz", 0)
    refuse("prepare", tmp_path / "one", tmp_path / "two", *quick, "--resume", said="a folder that no run has begun")
    refuse(
        "prepare", tmp_path / "one", tmp_path / "two", *quick, "--shard", "1/2", said="a folder that no run has begun"
    )


def test_a_file_that_was_lost_is_made_again_whatever_its_name(tmp_path: Path, quick) -> None:
    out, scan = tmp_path / "out", tmp_path / "head [1].nii.gz"
    write_scan(scan, 0)
    assert main(["prepare", str(scan), str(out), *quick]) == 0
    files = [file for file in out.rglob("head*") if file.is_file()]
    before = {file: file.stat().st_mtime_ns for file in files}
    assert main(["prepare", str(scan), str(out), *quick, "--resume"]) == 0
    assert {file: file.stat().st_mtime_ns for file in files} == before
    lost = out / "head [1]_space-brainbox_desc-brain_mask.nii.gz"
    lost.unlink()
    assert main(["prepare", str(scan), str(out), *quick, "--resume"]) == 0
    assert lost.is_file()


def test_a_run_that_was_killed_goes_on(tmp_path: Path, quick) -> None:
    raw, out = tmp_path / "in", tmp_path / "out"
    raw.mkdir()
    for seed in range(5):
        write_scan(raw / f"sub-0{seed}_T1w.nii.gz", seed)
    command = [sys.executable, "-m", "pseudohealthy", "prepare", str(raw), str(out), *quick]
    run = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    while run.poll() is None and not list(out.glob("sub-*/anat/*.json")):
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    finished = {file: file.stat().st_mtime_ns for file in out.glob("sub-*/anat/*.json")}
    assert 0 < len(finished) < 5
    leftover = out / "sub-04/anat/.sub-04_space-brainbox_desc-brain_mask.nii.gz.0123abcd.tmp"
    leftover.parent.mkdir(parents=True, exist_ok=True)
    leftover.write_bytes(b"a process that was killed as it wrote")
    assert main([*command[3:], "--resume"]) == 0
    assert not list(out.rglob("*.tmp"))
    assert {file: file.stat().st_mtime_ns for file in finished} == finished
    assert len(read_cohort(out / "cohort.tsv")) == 5
    assert main(["prepare", str(raw), str(tmp_path / "whole"), *quick]) == 0
    assert scans(out) == scans(tmp_path / "whole")


def test_shards_and_a_call_that_pools_them_give_what_one_call_gives(raw: Path, prepared: Path, tmp_path: Path, quick):
    out = tmp_path / "out"
    command = ["prepare", str(raw), str(out), *quick]
    assert [main([*command, "--shard", f"{number}/2"]) for number in (1, 2)] == [3, 0]  # sub-03 is broken
    assert not (out / "cohort.tsv").exists()
    finished = {file: file.stat().st_mtime_ns for file in out.glob("sub-*/anat/*")}
    assert main([*command, "--resume"]) == 3
    assert {file: file.stat().st_mtime_ns for file in finished} == finished
    assert scans(out) == scans(prepared)
    assert (out / "cohort.tsv").read_text().count("\n") == 3


def test_a_shard_without_a_usable_scan_can_be_submitted_again(tmp_path: Path, quick) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/head.nii.gz").write_text("broken")
    command = ["prepare", str(tmp_path / "in"), str(tmp_path / "out"), *quick]
    assert main([*command, "--shard", "1/1"]) == 2
    write_scan(tmp_path / "in/head.nii.gz", 0)
    assert main([*command, "--shard", "1/1"]) == 0
    assert main([*command, "--resume"]) == 0


def test_other_settings_do_not_mix(prepared: Path, raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(prepared)
    assert main(["prepare", str(raw), str(prepared), "--space", "native", "--resume"]) == 2
    assert "prepared with other settings" in capsys.readouterr().err.splitlines()[-1]
    assert snapshot(prepared) == before


def test_where_nothing_can_be_prepared_nothing_is_written(tmp_path: Path, raw: Path, refuse, quick) -> None:
    broken = raw / "sub-03_T1w.nii.gz"
    refuse("prepare", broken, tmp_path / "out", *quick, said="damaged gzip")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--jobs", "0"), "1 or more"),
        (("--bias-field", "5"), "--bias-field: found 5; needed levels from 0 to 4"),
        (("--config", "nowhere"), "one of default, paper"),
        (("--template", "nowhere.nii"), "nowhere.nii"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(option, said: str, tmp_path: Path, raw: Path, refuse) -> None:
    refuse("prepare", raw / "sub-01_T1w.nii.gz", tmp_path / "out", *option, said=said)


def test_the_papers_recipe_is_shipped() -> None:
    from pseudohealthy.workflows.prepare_cohort import load_settings

    paper = load_settings("paper", {"template": "sri24.nii"})
    assert (paper.space, paper.spacing_mm, paper.field_mm) == ("template", 1.0, (192, 192, 160))
    assert paper.template == "sri24.nii"
    assert paper.bias_field_levels == 4
