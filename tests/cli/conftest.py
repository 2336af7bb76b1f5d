"""For tests of the command line, in this process."""

from __future__ import annotations

import logging
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fitted import Fitted
from pseudohealthy.cli import main
from trees import snapshot

LINE = re.compile(r"pseudohealthy: (?P<subject>.+?): found (?P<found>.+); needed (?P<needed>.+?)\. (?P<fix>[A-Z].+)")


@pytest.fixture(autouse=True)
def _own_process() -> Iterator[None]:
    """The command line sets up logging and signals for a process of its own: put back what it changed in this one."""
    handlers, level = logging.root.handlers[:], logging.root.level
    terminated = signal.getsignal(signal.SIGTERM)
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    signal.signal(signal.SIGTERM, terminated)


@pytest.fixture
def refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Runs a command that must be refused with a text in its one line; nothing below the test's folder may change."""

    def run(*arguments: str | Path, said: str) -> None:
        before = snapshot(tmp_path)
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        *others, last = err.splitlines()
        assert LINE.fullmatch(last), err
        assert said in last
        assert code == 2
        assert not [line for line in others if line.startswith("pseudohealthy:") or "found" in line], err
        assert "Traceback" not in out + err
        assert snapshot(tmp_path) == before

    return run


@pytest.fixture
def table(tmp_path: Path, fitted: Fitted) -> Callable[[Callable[[str], str]], Path]:
    """Writes the made cohort's table with an edit of its text, its files at their absolute places."""

    def write(edit: Callable[[str], str]) -> Path:
        text = fitted.table.read_text().replace("\tsub-", f"\t{fitted.table.parent}/sub-")
        text = re.sub(r"\t/\S+/(sub-\d+)(?=\tn/a\tn/a)", r"\t\1", text)  # the column `subject` is no file
        path = tmp_path / "cohort.tsv"
        path.write_text(edit(text))
        return path

    return write
