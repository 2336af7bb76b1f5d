"""Listings of the files below a folder, compared with the expected ones in `golden/`, which are edited by hand."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def tree(folder: Path) -> str:
    """The files below a folder, hidden ones too, one a line, sorted; folders without files end in a slash."""
    leaves = [path for path in folder.rglob("*") if path.is_file() or not any(path.iterdir())]
    lines = sorted(f"{path.relative_to(folder).as_posix()}{'' if path.is_file() else '/'}" for path in leaves)
    return "".join(f"{line}\n" for line in lines)


def assert_golden(folder: Path, name: str) -> None:
    """Fail, with the difference, unless the files below `folder` are those of `golden/NAME.txt`."""
    expected, found = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8"), tree(folder)
    if found != expected:
        lines = difflib.unified_diff(
            expected.splitlines(), found.splitlines(), f"golden/{name}.txt", str(folder), lineterm="", n=1
        )
        pytest.fail("the files differ from the expected ones:\n" + "\n".join(lines), pytrace=False)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its content, every folder with None: to show that nothing was written."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}
