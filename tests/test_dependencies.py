"""The declared dependencies are those that the source imports."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {"pytorch-lightning": "pytorch_lightning", "scikit-learn": "sklearn", "pyyaml": "yaml", "pillow": "PIL"}


def module(requirement: str) -> str:
    """The name under which a requirement is imported."""
    name = Requirement(requirement).name.lower()
    return MODULES.get(name, name)


def nodes(folder: Path = ROOT / "src") -> Iterator[ast.AST]:
    for path in folder.rglob("*.py"):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def imported(folder: Path = ROOT / "src") -> set[str]:
    """The top-level modules that are imported anywhere in the source, or in a folder of it."""
    names = set()
    for node in nodes(folder):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).split(".")[0])
    return names - set(sys.stdlib_module_names) - {"pseudohealthy"}


def test_the_source_imports_its_declared_dependencies_and_no_others() -> None:
    # The room `serve` is there for its extra alone; import-linter keeps these out of the other rooms.
    server = imported(ROOT / "src" / "pseudohealthy" / "serve") & {"fastapi", "starlette", "uvicorn"}
    assert {module(requirement) for requirement in PROJECT["optional-dependencies"]["serve"]} == server - {"starlette"}
    assert imported() - server == {module(requirement) for requirement in PROJECT["dependencies"]}


def test_every_extra_that_a_message_names_is_declared() -> None:
    calls = [node for node in nodes() if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require"]
    named = {ast.literal_eval(call.args[1]) for call in calls}
    assert named <= set(PROJECT["optional-dependencies"])
