"""Cases in processes: each with its result or error, a killed one told, none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pseudohealthy.errors import ConfigError, ImageError
from pseudohealthy.io.volume import read_volume, write_volume
from pseudohealthy.workflows.workers import each

PARENT = """
import time
from pseudohealthy.workflows.workers import each
if __name__ == "__main__":
    for _ in each(time.sleep, [60.0, 60.0], 2): pass
"""


def test_every_task_comes_back_with_its_result_or_its_error(tmp_path: Path, made_brain) -> None:
    for name in ("a.nii", "b.nii"):
        write_volume(made_brain((8.0, 8, 8)), tmp_path / name)
    results = dict(each(read_volume, [tmp_path / "a.nii", tmp_path / "absent.nii", tmp_path / "b.nii"], 2))
    assert results[tmp_path / "a.nii"].source == tmp_path / "a.nii"
    assert results[tmp_path / "b.nii"].data.any()
    assert isinstance(results[tmp_path / "absent.nii"], ImageError)
    assert "absent.nii" in str(results[tmp_path / "absent.nii"])


def test_a_process_has_one_thread_and_the_parent_keeps_its_own() -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    assert dict(each(os.getenv, ["OMP_NUM_THREADS"], 1)) == {"OMP_NUM_THREADS": "1"}
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_many_tasks_all_come_back() -> None:
    assert sorted(result for _, result in each(abs, list(range(-300, 0)), 2)) == list(range(1, 301))


def test_a_process_that_is_killed_is_told_with_what_to_do() -> None:
    ((_, error),) = each(signal.raise_signal, [signal.SIGKILL], 1)
    assert "killed" in str(error)
    assert "--resume" in str(error)


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_process_is_refused(jobs: int) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        list(each(os.getenv, ["HOME"], jobs))


def test_processes_end_with_a_parent_that_was_killed(tmp_path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, script])
    children = _wait(lambda: _children(parent.pid), lambda found: len(found) >= 2)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    left = _wait(lambda: [pid for pid in children if _runs(pid)], lambda found: not found)
    assert left == []


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in listed]


def _runs(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def _wait(look, good, seconds: float = 30.0):
    end = time.monotonic() + seconds
    while not good(found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
