"""The files below a folder, however deep, also behind links to folders: datasets are often linked together."""

from __future__ import annotations

import os
from pathlib import Path

from pseudohealthy.errors import CohortError


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, once, sorted by path.

    A link is entered where it leads out of the folder. One that leads to another place inside it (`latest`), or back
    up, is not: what it leads to is found where it lies.

    Raises:
        CohortError: A folder cannot be read: what lies in it may be the masks that tell patients from healthy people.
    """
    entered = [folder.resolve()]
    found = []
    for name, inner, files in os.walk(folder, followlinks=True, onerror=_refuse):
        here = Path(name)
        inner[:] = [one for one in sorted(inner) if not (here / one).is_symlink() or _is_new(here / one, entered)]
        found += [here / file for file in files]
    return sorted(found)


def _refuse(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):  # nothing lies below what is not there
        return
    raise CohortError(
        error.filename,
        found=f"a folder that cannot be read ({error.strerror})",
        needed="permission to read it, because scans and masks may lie there",
        fix="Change its permissions, or leave it out of what is given.",
    ) from error


def _is_new(link: Path, entered: list[Path]) -> bool:
    """Whether a link leads to where the walk has not been; notes that it goes there now."""
    target = link.resolve()
    if entered[0].is_relative_to(target) or any(target.is_relative_to(known) for known in entered):
        return False
    entered.append(target)
    return True
