"""A run's folder: what it tells, what it keeps, and what it leaves behind when something is wrong."""

from __future__ import annotations

import errno
import json
import logging
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pseudohealthy.errors import ConfigError, InputError, OutputError
from pseudohealthy.stages import progress as progress_module
from pseudohealthy.stages.progress import progress
from pseudohealthy.stages.run_folder import RunFolder, commit
from trees import tree


def end_with(error: Exception, folder: Path, *, overwrite: bool = False) -> None:
    """A run that comes to a bad end after it has written something."""
    with RunFolder.open(folder, overwrite=overwrite) as run:
        run.log("begun")
        run.inner("stage-1").log("begun")
        raise error


def test_bad_input_inside_leaves_what_was_there(tmp_path):
    used, new = tmp_path / "used", tmp_path / "a" / "new"
    used.mkdir()
    (used / "mine.txt").write_text("keep me")
    for folder, overwrite in ((used, True), (new, False)):
        with pytest.raises(InputError):
            end_with(InputError("x", found="y", needed="z", fix="Do."), folder, overwrite=overwrite)
    assert (used / "mine.txt").read_text() == "keep me"
    assert not (tmp_path / "a").exists()


def test_another_error_leaves_the_traces_that_explain_it(tmp_path):
    with pytest.raises(FileNotFoundError):
        end_with(FileNotFoundError(2, "No such file"), tmp_path / "run")
    assert tree(tmp_path) == "run/log.txt\nrun/stage-1/log.txt\n"


def test_a_file_system_that_turns_read_only_is_the_users_to_mend(tmp_path):
    with pytest.raises(OutputError, match="Read-only file system"):
        end_with(OSError(errno.EROFS, "Read-only file system"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_finished_outlives_a_full_disk(tmp_path):
    folder = tmp_path / "run"

    def fill() -> None:
        with RunFolder.open(folder, finished=["*_report.json"]) as run:
            run.log("begun")
            (folder / "sub-01_report.json").write_text("{}")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        fill()
    assert tree(tmp_path) == "run/log.txt\nrun/sub-01_report.json\n"


def test_log_lines_carry_the_time_and_are_kept_by_a_resumed_run(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="pseudohealthy"):
        for number in (1, 2):
            with RunFolder.open(tmp_path, resume=True) as run:
                run.log(f"line {number}")
    assert caplog.messages == ["line 1", "line 2"]
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", "", line) for line in lines] == ["line 1", "line 2"]


def test_a_run_is_resumed_as_what_it_was_begun(tmp_path, made_cohort):
    run = RunFolder(tmp_path)
    inputs = run.record("steps: 1\n", made_cohort[:2], {"seed": 0})
    assert run.record("steps: 1\n", made_cohort[:2], {"seed": 0}, resume=True) == inputs
    with pytest.raises(ConfigError, match="another recipe: steps was 1 and is 2; needed") as refused:
        run.record("steps: 2\n", made_cohort[:2], {"seed": 0}, resume=True)
    assert "began it" not in str(refused.value)
    added = f"other scans: {made_cohort[2].name} was not there; needed"
    with pytest.raises(ConfigError, match=added):
        run.record("steps: 1\n", made_cohort[:3], {"seed": 0}, resume=True)
    assert (tmp_path / "config.yaml").read_text() == "steps: 1\n"
    assert json.loads((tmp_path / "provenance.json").read_text())["inputs_sha256"] == inputs


def test_a_run_is_not_resumed_with_another_mask(tmp_path, made_cohort):
    run = RunFolder(tmp_path)
    (case,) = made_cohort.split("annotated")[:1]
    run.record("steps: 1\n", [case], {})
    run.record("steps: 1\n", [case], {}, resume=True)
    for other in (replace(case, lesion_mask=case.image), replace(case, lesion_labels=(1, 2))):
        with pytest.raises(
            ConfigError, match=rf"other scans: {case.name} lesion_(mask is another|labels was not there)"
        ):
            run.record("steps: 1\n", [other], {}, resume=True)
    began = json.loads((tmp_path / "provenance.json").read_text())
    (tmp_path / "provenance.json").write_text(json.dumps({k: v for k, v in began.items() if k != "masks_sha256"}))
    run.record("steps: 1\n", [case], {}, resume=True)  # a former version's run


def test_who_resumes_with_another_version_is_told_which_one_began(tmp_path):
    run = RunFolder(tmp_path)
    run.record("steps: 1\n", (), {})
    began = json.loads((tmp_path / "provenance.json").read_text())
    (tmp_path / "provenance.json").write_text(json.dumps(began | {"version": "0.0.1", "commit": "0123456789abcdef"}))
    with pytest.raises(
        ConfigError, match=r"widths was absent and is \[8, 16\].* Version 0.0.1, commit 0123456 began it"
    ):
        run.record("steps: 1\nwidths: [8, 16]\n", (), {}, resume=True)


def test_the_commit_is_that_of_the_checkout():
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        assert commit() is None
    else:
        head = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        assert commit() == (head.stdout.strip() or None)


def test_progress_is_a_line_now_and_then_where_nobody_watches(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_module, "LINE_EVERY_S", 0.0)
    run = RunFolder(tmp_path)
    with progress(run, "evaluate", 3) as advance:
        for _ in range(3):
            advance()
    lines = [line.split("  ")[1] for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert lines == ["evaluate: 1/3, 0.0 min left", "evaluate: 2/3, 0.0 min left"]


def test_progress_is_a_bar_on_a_terminal_and_no_line_in_the_log(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress(RunFolder(tmp_path, interactive=True), "evaluate", 2) as advance:
        advance()
        advance()
    out, err = capsys.readouterr()
    assert out == ""
    assert "evaluate" in err
    assert not (tmp_path / "log.txt").exists()


@pytest.mark.parametrize("damaged", ["{", "[]", "{}"])
def test_a_run_whose_beginning_is_not_known_is_not_resumed(damaged, tmp_path):
    with RunFolder.open(tmp_path) as run:
        run.record("a: 1", [], {"seed": 0})
    (tmp_path / "provenance.json").write_text(damaged)
    with RunFolder.open(tmp_path, resume=True) as run, pytest.raises(ConfigError, match="a damaged provenance"):
        run.record("a: 1", [], {"seed": 0}, resume=True)
