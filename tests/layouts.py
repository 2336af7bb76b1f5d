"""What was found in a tree of files, in a form that is easily compared."""

from __future__ import annotations

from pathlib import Path

from pseudohealthy.io.cohort import Cohort


def summary(cohort: Cohort, root: Path) -> list[tuple[str, str, str | None, str | None]]:
    """Name, image, brain mask and lesion mask of each case, paths relative to the tree."""

    def relative(path: Path | None) -> str | None:
        return path.relative_to(root).as_posix() if path else None

    return [(c.name, str(relative(c.image)), relative(c.brain_mask), relative(c.lesion_mask)) for c in cohort]
