"""The files below a folder, however deep, also behind links to folders: datasets are often linked together."""

from __future__ import annotations

import os
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, sorted by path. A link that leads back up is not followed."""
    found = []
    for name, inner, files in os.walk(folder, followlinks=True):
        here = Path(name)
        inner[:] = [one for one in inner if not _leads_up(here, here / one)]
        found += [here / file for file in files]
    return sorted(found)


def _leads_up(here: Path, inner: Path) -> bool:
    return inner.is_symlink() and here.resolve().is_relative_to(inner.resolve())
