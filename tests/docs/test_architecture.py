"""ARCHITECTURE.md names what there is: every file in its room, every table in its place."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pseudohealthy"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").is_file())
TABLES = re.findall(r"`([A-Z]+)` in `([\w/]+)\.py` \|$", PAGE, re.MULTILINE)


def paragraph(room: str) -> str:
    """What stands behind a room's name in bold, up to the next one."""
    match = re.search(rf"\*\*{room}\*\*(.*?)(?:\*\*|\n\n)", PAGE, re.DOTALL)
    assert match is not None, f"no paragraph on {room}"
    return match[1]


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_of_a_room_is_named_in_its_paragraph(room: str) -> None:
    files = {file.stem for file in (PACKAGE / room).rglob("*.py") if file.stem != "__init__"}
    assert {name for name in files if f"`{name}`" not in paragraph(room)} == set()


def test_the_rooms_stand_in_the_order_that_the_import_contracts_enforce() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert f"`{' → '.join(layers)}`" in PAGE


@pytest.mark.parametrize(("table", "place"), TABLES)
def test_the_tables_are_where_the_page_says(table: str, place: str) -> None:
    module = importlib.import_module(f"pseudohealthy.{place.removesuffix('/__init__').replace('/', '.')}")
    assert isinstance(getattr(module, table), Mapping)


def test_there_are_tables() -> None:
    assert len(TABLES) >= 10
