"""A cohort in shards, one of them killed and run again, gives the folder of a single run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pseudohealthy.errors import ConfigError
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.workflows.shard import Shard
from untrained_model import untrained

SCANS = 4

# Imports once; every run is a process of its own, those of one list at the same time. One that is to be killed does it
# itself, between the page and the report of its second scan.
PROGRAM = """
import json, os, signal, sys
from pseudohealthy.cli import main
from pseudohealthy.workflows import prediction_files

def killed_at_second(write, seen=[]):
    def write_json(path, content):
        seen.append(path)
        if len(seen) == 2:
            path.with_name("." + path.name + ".0123.tmp").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, content)
    return write_json

for together in json.loads(sys.argv[1]):
    running = []
    for arguments, kill in together:
        running.append(os.fork())
        if not running[-1]:
            if kill:
                prediction_files.write_json = killed_at_second(prediction_files.write_json)
            os._exit(main(arguments))
    print(*[os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in running], flush=True)
"""


def without_times(path: Path) -> bytes:
    """A file's content, but for the seconds that a report and its page tell."""
    content = path.read_bytes()
    content = re.sub(rb"<dt>Time</dt><dd>.*?</dd>", b"", content)
    return re.sub(rb'"timings_s": \{.*?\}', b"", content, flags=re.DOTALL)


def results(out: Path) -> dict[str, bytes]:
    """All files but logs and provenance, and those of the shards' own folders."""
    files = [path for path in out.rglob("*") if path.is_file() and "shards" not in path.relative_to(out).parts]
    told = ("log.txt", "provenance.json")
    return {str(path.relative_to(out)): without_times(path) for path in files if path.name not in told}


# The time is that of nine predictions with their pages, and of an import.
def test_shards_of_which_one_is_killed_give_the_folder_of_a_single_run(tmp_path, made_cohort):
    whole, shared, model = tmp_path / "whole", tmp_path / "shared", untrained(tmp_path / "model")
    images = [str(case.image) for case in made_cohort[:SCANS]]

    def predict(out: Path, *options: str, first: int = 0) -> list[str]:
        order = [*images[first:], *images[:first]]  # which scan is in which shard does not depend on it
        return ["predict", str(model), *order, "--out", str(out), "--threshold", "0.4", "--quiet", *options]

    shards = [[predict(shared, "--shard", f"{number}/3", first=number), number == 1] for number in (1, 2, 3)]
    again, pool = [predict(shared, "--shard", "1/3"), False], [predict(shared, "--resume"), False]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([[[predict(whole), False]], shards, [again], [pool]])],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.splitlines() == ["0", "-9 0 0", "0", "0"], done.stderr
    assert results(shared) == results(whole)
    assert sorted(path.name for path in (shared / "shards").iterdir()) == ["1-of-3", "2-of-3", "3-of-3"]
    assert (shared / "shards" / "1-of-3" / "log.txt").read_text().count("done before") == 1
    assert (shared / "log.txt").read_text().count("done before") == SCANS
    inputs = [json.loads((out / "provenance.json").read_text())["inputs_sha256"] for out in (whole, shared)]
    assert inputs[0] == inputs[1]


def test_every_case_is_in_exactly_one_shard_whatever_their_order():
    cases = [Case(f"sub-{number:02d}", Path("scan.nii.gz")) for number in range(11)]
    for of in (1, 3, 11, 20):
        shards = [{case.name for case in Shard(number, of).cases(Cohort(cases))} for number in range(1, of + 1)]
        backwards = [
            {case.name for case in Shard(number, of).cases(Cohort(cases[::-1]))} for number in range(1, of + 1)
        ]
        assert shards == backwards
        assert sorted(name for shard in shards for name in shard) == [case.name for case in cases]
        assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "-1/3", "1/0"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ConfigError, match="I/N with I from 1 to N"):
        Shard.parse(text)
