"""Pages made anew from the files of a folder."""

from __future__ import annotations

from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.workflows.evaluation_page import is_evaluation, write_evaluation_page
from pseudohealthy.workflows.training_page import is_training, write_training_page


def page_anew(folder: Path) -> list[Path]:
    """Write the pages of a folder again.

    Args:
        folder: What `evaluate`, `demo`, `benchmark` or `train` wrote.

    Returns:
        The pages.

    Raises:
        CohortError: The folder holds neither an evaluation nor a training, or one of its files is broken.
        OutputError: A page cannot be written.
    """
    kinds = ((is_evaluation, write_evaluation_page), (is_training, write_training_page))
    pages = [write(folder) for holds, write in kinds if holds(folder)]
    if not pages:
        raise CohortError(
            folder,
            found="no results" if folder.is_dir() else "a file" if folder.exists() else "no such folder",
            needed="page.json and cases.tsv of an evaluation, or training.json and metrics.csv of a training",
            fix="Give a folder that 'evaluate', 'demo', 'benchmark' or 'train' of this version wrote.",
        )
    return pages
