"""The folder of one run: what was asked, with what, where it stands. Every command that works long writes one."""

from __future__ import annotations

import errno
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from pseudohealthy import __version__
from pseudohealthy.errors import ConfigError, InputError, OutputError
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.files import cannot_write, new_output_folder, sha256, write_json, write_text
from pseudohealthy.stages.begun import recipe_changes, scan_changes, spelt_out

logger = logging.getLogger("pseudohealthy")

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
"""Errors of a library's own writing that the user can mend; any other is a bug of ours."""

PACKAGES = ("torch", "pytorch-lightning", "numpy", "scipy", "nibabel", "nilearn", "monai")


@dataclass(frozen=True)
class RunFolder:
    """An output folder with `config.yaml`, `provenance.json`, `log.txt` and, from training, `metrics.csv`.

    Attributes:
        path: The folder.
        interactive: A person watches on a terminal: show progress bars.
        leads: This process writes; others that train with it only look.
    """

    path: Path
    interactive: bool = False
    leads: bool = True

    @classmethod
    @contextmanager
    def open(
        cls,
        path: Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        leads: bool = True,
        shared: bool = False,
        finished: Sequence[str] = ("*.ckpt",),
    ) -> Iterator[RunFolder]:
        """Make the folder, or enter it again with `resume`.

        Bad input that shows up inside, or a disk that is full, leaves nothing behind, but for what can be resumed,
        which is worth more than a clean folder, and for a folder that is `shared`: other processes write into it.

        Args:
            path: The folder.
            resume: Enter a folder that a run has begun.
            overwrite: Enter any folder.
            leads: See the class.
            shared: Other processes write into it, too.
            finished: Patterns of the files which tell that a part is done that `resume` will not do again.

        Raises:
            OutputError: It cannot be written, or is not empty and neither flag is given, or the disk is full; or there
                is something else in it than a run.
        """
        if not leads:
            yield cls(path, leads=False)
            return
        absent = [folder for folder in (path, *path.parents) if not folder.exists()]
        used = path.is_dir() and any(path.iterdir())
        try:
            folder = new_output_folder(path, resume=resume, overwrite=overwrite)
        except OutputError:
            _remove(absent)
            raise
        try:
            yield cls(folder, sys.stderr.isatty())
        except (InputError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in NO_ROOM:
                raise
            if not used and not shared and not any(file for pattern in finished for file in folder.rglob(pattern)):
                _empty(folder)
                _remove(absent)
            if isinstance(error, OSError):
                raise cannot_write(folder, error) from error
            raise

    def inner(self, name: str) -> RunFolder:
        """A run inside this run."""
        if not self.leads:
            return RunFolder(self.path / name, leads=False)
        return RunFolder(new_output_folder(self.path / name, overwrite=True), self.interactive)

    def log(self, message: str) -> None:
        """Append a line to `log.txt` and tell whoever listens."""
        if not self.leads:
            return
        logger.info(message)
        with (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}\n")

    def record(
        self, config_yaml: str, cases: Iterable[Case], seeds: dict[str, int], *, resume: bool = False
    ) -> dict[str, str]:
        """Write what was asked and with what.

        Args:
            config_yaml: The resolved recipe.
            cases: Every scan that goes in.
            seeds: Every seed of the run.
            resume: It must be what the folder's run was begun with.

        Returns:
            Case name -> SHA-256 of its image file; a file that cannot be read has none.

        Raises:
            ConfigError: The run to be resumed was begun with another recipe or other scans.
        """
        cases = list(cases)
        inputs = {case.name: sha256(case.image) for case in cases if os.access(case.image, os.R_OK)}
        if not self.leads:
            return inputs
        masks = masks_of(cases)
        if resume and (self.path / "provenance.json").is_file():
            self._refuse_another_run(config_yaml, inputs, masks)
        write_text(self.path / "config.yaml", config_yaml)
        write_json(self.path / "provenance.json", provenance(inputs, seeds, masks))
        return inputs

    def _refuse_another_run(self, config_yaml: str, inputs: dict[str, str], masks: dict[str, str]) -> None:
        try:
            began = json.loads((self.path / "provenance.json").read_text(encoding="utf-8"))
            before, _ = (self.path / "config.yaml").read_text(encoding="utf-8"), began["inputs_sha256"]
        except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
            raise ConfigError(
                self.path,
                found="a damaged provenance.json, or no config.yaml: what the run was begun with is not known",
                needed="both, as the run wrote them",
                fix="Choose another output folder and begin anew.",
            ) from error
        recipe, scans = recipe_changes(before, config_yaml), scan_changes(began["inputs_sha256"], inputs)
        scans += scan_changes(began.get("masks_sha256", masks), masks)  # runs of former versions have none
        if recipe or scans:
            raise ConfigError(
                self.path,
                found=f"a run that was begun with {'another recipe' if recipe else 'other scans'}: "
                + spelt_out(recipe or scans),
                needed=f"the same {'recipe' if recipe else 'scans'} to resume it",
                fix=f"Give the options of the first call, or choose another output folder.{_begun_by(began)}",
            )


def _begun_by(began: dict[str, Any]) -> str:
    """The version that a run was begun with, where it is not this one: it may have had other keys."""
    version, its_commit = began["version"], began["commit"]
    if (version, its_commit) == (__version__, commit()):
        return ""
    checkout = f", commit {its_commit[:7]}" if its_commit else ""
    return f" Version {version}{checkout} began it, and can go on with it."


def _empty(folder: Path) -> None:
    for inner in folder.iterdir():
        if inner.is_dir():
            shutil.rmtree(inner)
        else:
            inner.unlink()


def _remove(absent: Sequence[Path]) -> None:
    """Remove the empty folders that were absent before, inner ones first; another process may have files in them."""
    for folder in absent:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def masks_of(cases: Iterable[Case]) -> dict[str, str]:
    """`sub-01 lesion_mask` -> SHA-256 of the file, and which labels of it count where they are not 1 alone."""
    found = {}
    for case in cases:
        for column in ("brain_mask", "lesion_mask"):
            path = getattr(case, column)
            if path is not None and os.access(path, os.R_OK):
                found[f"{case.name} {column}"] = sha256(path)
        for column, usual in (("lesion_labels", (1,)), ("ignored_labels", ())):
            if (labels := getattr(case, column)) != usual:
                found[f"{case.name} {column}"] = ", ".join(map(str, labels))
    return found


def provenance(inputs: dict[str, str], seeds: dict[str, int], masks: dict[str, str] | None = None) -> dict[str, Any]:
    """What produced a result: version, commit, inputs, seeds, machine."""
    return {
        "version": __version__,
        "commit": commit(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "inputs_sha256": inputs,
        "masks_sha256": masks or {},
        "seeds": seeds,
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": platform.machine(),
            "threads": torch.get_num_threads(),
            "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def commit() -> str | None:
    """Commit of the checkout that the package runs from; None where it is an installed wheel."""
    here = Path(__file__).resolve()
    checkout = next((folder for folder in here.parents if (folder / ".git").exists()), None)
    if checkout is None or checkout / "src" not in here.parents:
        return None
    try:
        answer = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return answer.stdout.strip() or None
