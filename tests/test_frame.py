"""What is handed out is whole: the wheel, the source archive, the version, the pinned dependencies."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pseudohealthy

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "pseudohealthy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(*command: str | Path, **environment: str) -> str:
    """The standard output of a program, run outside the checkout's folder; it must end well."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd="/", env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel that was built from that archive and not from the checkout."""
    out = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


def test_the_wheel_carries_every_file_of_the_package_and_the_licences(wheel: Path) -> None:
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    ours = {path.relative_to(ROOT / "src").as_posix() for path in files}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == ours
    folder = f"pseudohealthy-{pseudohealthy.__version__}.dist-info"
    assert {f"{folder}/licenses/LICENSE", f"{folder}/licenses/THIRD_PARTY_LICENSES"} <= names


@pytest.mark.parametrize("pattern", ["py.typed", "configs/*.yaml", "report/assets/*"])
def test_the_wheel_carries_recipes_and_page_assets(wheel: Path, pattern: str) -> None:
    assert any(fnmatch(name, f"pseudohealthy/{pattern}") for name in zipfile.ZipFile(wheel).namelist())


def test_the_source_archive_carries_what_the_tests_need(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {"Makefile", "constraints.txt", "CITATION.cff", "CHANGELOG.md", "LICENSE", "tests/test_frame.py"} <= names
    assert not {name for name in names if name.startswith((".venv", "demo/", "runs/", ".git/"))}


def test_the_installed_wheel_answers_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", tmp_path, wheel)
    program = "import pseudohealthy; print(pseudohealthy.__file__, pseudohealthy.__version__)"
    place, version = run(sys.executable, "-c", program, PYTHONPATH=str(tmp_path)).split()
    assert Path(place).is_relative_to(tmp_path)
    assert version == pseudohealthy.__version__
    assert (
        "usage" in run(sys.executable, tmp_path / "bin" / "pseudohealthy", "--help", PYTHONPATH=str(tmp_path)).lower()
    )


def test_changelog_citation_and_package_tell_the_same_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert citation["version"] == newest[1] == pseudohealthy.__version__


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines if not line.startswith("#")}
    # ANTs holds numpy and scipy back, so that it cannot be installed beside what the tests run with
    extras = [needs for name, needs in PROJECT["optional-dependencies"].items() if name != "ants"]
    wanted = [Requirement(text) for group in [PROJECT["dependencies"], *extras] for text in group]
    pinned = {need.name: need.specifier.contains(pins.get(canonicalize_name(need.name), "0")) for need in wanted}
    assert [name for name, within in pinned.items() if not within] == []
    assert [pin for pin in pins.values() if "+" in pin] == []
