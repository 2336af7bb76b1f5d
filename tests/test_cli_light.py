"""The command line answers at once: what computes is imported inside the command that needs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pseudohealthy.cli import main

HEAVY = {"torch", "nibabel", "nilearn", "pytorch_lightning", "lightning", "monai", "scipy", "sklearn", "matplotlib"}

PROGRAM = """
import sys
from pseudohealthy.cli import main
sys.argv = ["pseudohealthy", "--help"]
try:
    code = main()
except SystemExit as end:
    code = end.code
print("\\nimported:", *sys.modules)
sys.exit(code)
"""


def test_help_imports_nothing_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    text, imported = run.stdout.split("\nimported:")
    assert "usage" in text.lower()
    assert HEAVY & set(imported.split()) == set()


def test_who_stops_reading_is_no_bug() -> None:
    command = [sys.executable, "-c", "import sys; from pseudohealthy.cli import main; sys.exit(main())"]
    command += ["benchmark", "smoke", "--dry-run", "--out", "nowhere"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        run = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    finally:
        os.close(writer)
    assert (run.returncode, run.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_that_does_not_fit_is_told() -> None:
    program = "import sys; from pseudohealthy.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "benchmark", "smoke", "--dry-run", "--out", "nowhere"]
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("pseudohealthy: standard output: found no room left to write")
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [(["prepare", "scans", "--out", "there"], "INPUT [INPUT ...] OUT"), (["train", "segmenter", "--oops"], "--data")],
)
def test_an_unknown_option_shows_the_usage_of_its_command(arguments, usage, capsys) -> None:
    given = ["--reconstructor", "m", "--data", "d", "--out", "o"] if arguments[0] == "train" else []
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, *given])
    told = capsys.readouterr().err
    assert usage in told
    assert told.splitlines()[-1].startswith(f"pseudohealthy {arguments[0]}")
    assert "unrecognized arguments: --o" in told


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_and_letters_that_it_cannot_write_are_no_bug(closed, tmp_path) -> None:
    program = "import sys; from pseudohealthy.cli import main; sys.exit(main())"
    (tmp_path / "Müller.tsv").write_text("image\n")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    sink = {"stdout": ">&-", "stderr": "2>&-"}[closed]
    command = f"{sys.executable} -c '{program}' check Müller.tsv {sink}"
    run = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment, capture_output=True, timeout=120, check=False
    )
    assert run.returncode == 2
    if closed == "stdout":
        assert run.stderr.decode("ascii").startswith("pseudohealthy: M\\xfcller.tsv: found no rows")
