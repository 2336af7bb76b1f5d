"""Tools of others find the brain; what they say, and that they are absent, reaches the user in one sentence."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from pseudohealthy.errors import ImageError, MissingExtraError
from pseudohealthy.io.templates import mni152
from pseudohealthy.prepare import strip
from pseudohealthy.prepare.strip import STRIPPERS, find_brain, installed

# What both programs do with a copy of the scan: the mask is where it is above 0.
WRITE_MASK = """
import sys, nibabel, numpy
given = sys.argv[1:]
image = nibabel.load(given[given.index("-i") + 1])
mask = nibabel.Nifti1Image((image.get_fdata() > 0).astype("uint8"), image.affine)
"""
PROGRAMS = {
    "hd-bet": WRITE_MASK + 'mask.to_filename(given[given.index("-o") + 1].replace(".nii.gz", "_bet.nii.gz"))',
    "mri_synthstrip": WRITE_MASK + 'mask.to_filename(given[given.index("-m") + 1])',
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a program on an otherwise empty PATH."""
    import sys

    monkeypatch.setenv("PATH", str(tmp_path))

    def write(name: str, script: str) -> None:
        file = tmp_path / name
        file.write_text(f"#!{sys.executable}\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    return write


@pytest.mark.parametrize(("tool", "name"), [("hd-bet", "hd-bet"), ("synthstrip", "mri_synthstrip")])
def test_a_program_on_the_path_gives_its_mask_in_the_scans_own_storage(tool, name, program, made_brain) -> None:
    program(name, PROGRAMS[name])
    scan = made_brain(np.diag([-3.0, 3, 3]))
    found = find_brain(scan, tool)
    assert np.array_equal(found.data, scan.data > 0)
    assert np.array_equal(found.affine, scan.affine)


def test_a_program_that_fails_is_quoted(program, made_brain) -> None:
    program("hd-bet", "import sys; sys.exit('no weights here')")
    with pytest.raises(ImageError, match=r"code 1: no weights here, by hd-bet"):
        find_brain(made_brain(), "hd-bet")


def test_a_program_that_finds_nothing_is_refused(program, made_brain) -> None:
    program("mri_synthstrip", PROGRAMS["mri_synthstrip"].replace("> 0", "> 1e9"))
    with pytest.raises(ImageError, match="an empty brain mask, by synthstrip"):
        find_brain(made_brain(), "synthstrip")


@pytest.mark.parametrize("tool", ["hd-bet", "synthstrip"])
def test_an_absent_program_is_named_with_another_way(tool, program, made_brain) -> None:
    with pytest.raises(MissingExtraError, match=r"no program '.+' on the PATH.+pip install 'pseudohealthy\[prepare\]'"):
        find_brain(made_brain(), tool)


def test_auto_is_the_first_that_is_installed(program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strip, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="none of deepbet, hd-bet and mri_synthstrip"):
        installed()
    program("mri_synthstrip", "")
    assert installed() == "synthstrip"
    program("hd-bet", "")
    assert installed() == "hd-bet"
    monkeypatch.undo()
    assert installed() == "deepbet"


def test_deepbet_finds_the_brain_of_the_template_in_any_storage() -> None:
    template = mni152(2.0)
    turned = template.t1.like(template.t1.data)
    turned = type(turned)(turned.data[::-1].transpose(2, 0, 1), turned.affine[:, [2, 0, 1, 3]] @ _flip(turned.shape[0]))
    truth = type(turned)(template.brain_mask.data[::-1].transpose(2, 0, 1), turned.affine)
    found = find_brain(turned, "deepbet")
    dice = 2 * (found.data & truth.data).sum() / (found.data.sum() + truth.data.sum())
    assert dice > 0.93


def test_deepbet_refuses_what_has_no_brain(made_brain) -> None:
    noise = made_brain((4.0, 4, 4))
    empty = noise.like(np.zeros(noise.shape, np.float32))
    empty.data[0, 0, 0] = 1
    with pytest.raises(ImageError, match="by deepbet"):
        find_brain(empty, "deepbet")


def test_every_tool_can_be_chosen() -> None:
    assert set(STRIPPERS) == {"deepbet", "hd-bet", "synthstrip"}


def _flip(size: int) -> np.ndarray:
    """Voxel (k, size - 1 - i, j) of the turned storage -> the same place."""
    matrix = np.eye(4)
    matrix[1, 1], matrix[1, 3] = -1, size - 1
    return matrix
