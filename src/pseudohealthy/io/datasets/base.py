"""What the datasets have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.io.names import is_nifti
from pseudohealthy.io.table import read_table
from pseudohealthy.io.walk import files_below

Row = dict[str, str]
"""Columns of the cohort table; paths are absolute."""

_BRAIN_MASKS = ("_brain_mask", "_brainmask", "_desc-brain_mask")
_NOT_KEPT = {  # columns of the cohort table itself, and what could tell who somebody is
    *("case", "image", "brain_mask", "lesion_mask", "subject", "mask_source", "label_map", "split", "pathology"),
    *("lesion_labels", "ignored_labels", "dob", "date_of_birth", "study_date", "date_available"),
}


@dataclass(frozen=True)
class Found:
    """A dataset in a folder.

    Attributes:
        rows: One row a scan.
        notes: Sentences about what is not read, and why.
    """

    rows: Sequence[Row]
    notes: tuple[str, ...] = ()


def nifti(folder: Path, name: str) -> str:
    """Path of `name.nii.gz` or `name.nii` in a folder as the cohort table has it; "" where there is neither."""
    for end in (".nii.gz", ".nii"):
        if (folder / f"{name}{end}").is_file():
            return str((folder / f"{name}{end}").absolute())
    return ""


def stem(file: Path) -> str:
    """The name without `.nii` or `.nii.gz`."""
    return re.sub(r"\.nii(\.gz)?$", "", file.name, flags=re.IGNORECASE)


def brain_mask_beside(image: Path) -> str:
    """A brain mask that the user has put beside a scan, or ""."""
    return next((path for end in _BRAIN_MASKS if (path := nifti(image.parent, stem(image) + end))), "")


def matches(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The NIfTI files below a folder that fit one of the glob patterns, sorted, each once."""
    return sorted({file for pattern in patterns for file in folder.glob(pattern) if is_nifti(file) and file.is_file()})


def not_read(folder: Path, rows: Iterable[Row], kind: Callable[[Path], str]) -> tuple[str, ...]:
    """A sentence that counts the NIfTI files which no row names, by kind; none where every file is used.

    Args:
        folder: The dataset.
        rows: What is read.
        kind: Names the kind of a file.
    """
    used = {row[key] for row in rows for key in ("image", "brain_mask", "lesion_mask") if row.get(key)}
    others = (file for file in files_below(folder) if is_nifti(file) and str(file.absolute()) not in used)
    counts = Counter(kind(file) for file in others if file.is_file())  # a link may not have been fetched
    return (f"not read: {', '.join(f'{n} {name}' for name, n in sorted(counts.items()))}",) if counts else ()


def with_masks(rows: Sequence[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """The rows with lesion masks and a note on the others, as of a test set; all rows where none has a mask."""
    annotated = [row for row in rows if row["lesion_mask"]]
    left_out = len(rows) - len(annotated)
    if not annotated or not left_out:
        return list(rows), ()
    return annotated, (f"scans without a lesion mask, left out: {left_out}; give their folder by itself to read them",)


def metadata(tables: Iterable[Path], key: Callable[[Row], str]) -> dict[str, Row]:
    """Columns of demographic tables under snake_case names, by subject.

    Args:
        tables: Files to read; names and dates of birth are not kept.
        key: Gives the subject of a row, or "" where it has none. Its columns have snake_case names.

    Raises:
        CohortError: A table is malformed, or says two different things of one subject.
    """
    people: dict[str, Row] = {}
    for table in tables:
        for raw in read_table(table):
            row = {re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"): value for name, value in raw.items()}
            subject = key(row)
            kept = {name: value for name, value in row.items() if name and name not in _NOT_KEPT}
            if subject and people.setdefault(subject, kept) != kept:
                raise CohortError(
                    table, found=f"two different rows for {subject}", needed="one", fix="Remove the wrong one."
                )
    return people
