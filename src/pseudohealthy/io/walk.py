"""The files below a folder, however deep, also behind links to folders: datasets are often linked together."""

from __future__ import annotations

import os
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, once, sorted by path.

    A link is entered where it leads out of the folder. One that leads to another place inside it (`latest`), or back
    up, is not: what it leads to is found where it lies.
    """
    entered = [folder.resolve()]
    found = []
    for name, inner, files in os.walk(folder, followlinks=True):
        here = Path(name)
        inner[:] = [one for one in sorted(inner) if not (here / one).is_symlink() or _is_new(here / one, entered)]
        found += [here / file for file in files]
    return sorted(found)


def _is_new(link: Path, entered: list[Path]) -> bool:
    """Whether a link leads to where the walk has not been; notes that it goes there now."""
    target = link.resolve()
    if entered[0].is_relative_to(target) or any(target.is_relative_to(known) for known in entered):
        return False
    entered.append(target)
    return True
