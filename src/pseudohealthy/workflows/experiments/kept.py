"""What a part of an experiment leaves for the page of the whole beside its table: counts, pictures, case pages."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pseudohealthy.evaluate.counts import read_counts, write_counts
from pseudohealthy.report.gallery_files import read_gallery, write_gallery
from pseudohealthy.workflows.evaluate_cohort import CasePages, Evaluation


def pages_in(folder: Path) -> CasePages:
    """Case pages of an experiment: of the cases that have pictures."""
    return CasePages(folder / "pages")


def keep(folder: Path, evaluation: Evaluation, prefix: str = "") -> None:
    """Write counts and pictures.

    Args:
        folder: Where the part's `cases.tsv` lies.
        evaluation: What was found.
        prefix: Put before the cases' names, where another run's scan of the same name is another scan.
    """
    counts = [dataclasses.replace(one, case=prefix + one.case) for one in evaluation.counts]
    write_counts(counts, folder / "counts.tsv")
    write_gallery(folder, [dataclasses.replace(one, title=prefix + one.title) for one in evaluation.gallery])


def add_kept(folder: Path, evaluation: Evaluation) -> None:
    """Add what `keep` wrote, if it did, to the evaluation of the whole."""
    if (folder / "counts.tsv").is_file():
        evaluation.counts += read_counts(folder / "counts.tsv")
    evaluation.gallery += read_gallery(folder)
