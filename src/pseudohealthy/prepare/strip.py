"""Brain masks of whole heads, by the tools of others: one function a tool."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pseudohealthy.errors import ImageError, MissingExtraError, require
from pseudohealthy.io.volume import Volume, read_mask, write_volume

_THRESHOLD = 0.5  # of deepbet's probability, its own default


def find_brain(image: Volume, tool: str = "auto") -> Volume:
    """Find the brain in a whole head.

    Args:
        image: T1w scan with skull, any storage order.
        tool: A key of `STRIPPERS`, or `auto`: the first of them that is installed.

    Returns:
        A Volume of bool on the scan's grid. Whether it is a plausible brain is for `prepare.brain_mask` to say.

    Raises:
        MissingExtraError: The tool is not installed.
        ImageError: It found nothing, or failed.
    """
    name = installed() if tool == "auto" else tool
    mask = STRIPPERS[name](image)
    if not mask.data.any():
        raise _failed(image, name, "an empty brain mask")
    return mask


def installed() -> str:
    """Return the tool that `auto` means here.

    Raises:
        MissingExtraError: There is none.
    """
    for name in STRIPPERS:
        if find_spec("deepbet") is not None if name == "deepbet" else shutil.which(_PROGRAMS[name]) is not None:
            return name
    raise MissingExtraError(
        "skull stripping",
        found="none of deepbet, hd-bet and mri_synthstrip",
        needed="one of them, or a brain mask beside the scan",
        fix="Run: pip install 'pseudohealthy[prepare]'",
    )


def deepbet(image: Volume) -> Volume:
    """Fisch et al. 2024 (doi:10.1016/j.compbiomed.2024.108845), trained on T1w scans of adults; on the processor."""
    upright = image.canonical()
    network = _deepbet()
    try:
        probability = network.run_model(np.array(upright.data, np.float32, order="C"))
        mask = network.postprocess(probability > _THRESHOLD)
    except (AssertionError, RuntimeError, ValueError) as error:  # its own ways to say that nothing looks like a brain
        raise _failed(image, "deepbet", str(error) or "no brain") from error
    found = image.like(np.zeros(image.shape, np.bool_))
    found.canonical().data[...] = np.asarray(mask) > 0  # a view: what is written into it, is in `found`
    return found


@lru_cache(maxsize=1)
def _deepbet() -> Any:
    require("deepbet", "prepare")
    return require("deepbet.bet", "prepare").BrainExtraction(no_gpu=True)


def hd_bet(image: Volume) -> Volume:
    """HD-BET 2 (Isensee et al. 2019), a program on the PATH."""
    options = ("-device", "cpu", "--disable_tta", "--save_bet_mask", "--no_bet_image")
    return _run(image, "hd-bet", lambda scan, out: ["-i", str(scan), "-o", str(out), *options], "brain_bet.nii.gz")


def synthstrip(image: Volume) -> Volume:
    """SynthStrip (Hoopes et al. 2022), FreeSurfer's `mri_synthstrip` on the PATH."""
    return _run(image, "synthstrip", lambda scan, out: ["-i", str(scan), "-m", str(out)], "brain.nii.gz")


STRIPPERS: dict[str, Callable[[Volume], Volume]] = {"deepbet": deepbet, "hd-bet": hd_bet, "synthstrip": synthstrip}
_PROGRAMS = {"hd-bet": "hd-bet", "synthstrip": "mri_synthstrip"}


def _run(image: Volume, tool: str, arguments: Callable[[Path, Path], list[str]], result: str) -> Volume:
    """Let a program strip a copy of the scan: these read and write files alone."""
    program = shutil.which(_PROGRAMS[tool])
    if program is None:
        raise MissingExtraError(
            f"the tool {tool}",
            found=f"no program '{_PROGRAMS[tool]}' on the PATH",
            needed="an installation of it",
            fix="Install it, or choose deepbet: pip install 'pseudohealthy[prepare]'",
        )
    with tempfile.TemporaryDirectory() as folder:
        scan, out = Path(folder, "scan.nii.gz"), Path(folder, "brain.nii.gz")
        write_volume(image, scan)
        answer = subprocess.run([program, *arguments(scan, out)], capture_output=True, text=True)
        mask = out.with_name(result)
        if answer.returncode or not mask.is_file():
            told = (answer.stderr.strip() or answer.stdout.strip() or "no word").splitlines()[-1]
            raise _failed(image, tool, f"that it ended with code {answer.returncode}: {told}")
        return read_mask(mask, image, "brain mask")


def _failed(image: Volume, tool: str, found: str) -> ImageError:
    return ImageError(
        image.source or "the scan",
        found=f"{found}, by {tool}",
        needed="a T1w scan of a whole head in which the tool finds the brain",
        fix="Look at the scan; strip it by another tool, or give a brain mask.",
    )
