"""Cases and cohorts: which files belong together, and what each must not be separated from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from pseudohealthy.errors import CohortError
from pseudohealthy.io.names import parse_name
from pseudohealthy.io.table import read_table, write_table

SPLITS = ("train", "annotated", "validation", "calibration", "test")
GROUPS = ("subject", "mask_source", "label_map")  # rule 6: each value of these lies on one side of a split only
SHAM = "sham"
"""Pathology of scans that were painted on without changing anything: a control, neither healthy nor ill."""
LONGEST_NAME = 160
"""Bytes of a case's name: with what outputs append to it, a file's name stays below the 255 of most file systems."""
_FILES = ("image", "brain_mask", "lesion_mask")
_TEXTS = (*GROUPS, "split", "pathology")
_LABELS: dict[str, tuple[int, ...]] = {
    "lesion_labels": (1,),
    "ignored_labels": (),
}  # columns of the table only where a case has others


@dataclass(frozen=True)
class Case:
    """One scan and what is known about it.

    Attributes:
        name: Unique in a cohort, names the outputs: `sub-01`, `sub-01_ses-1`, or the file's stem.
        image: T1w scan.
        brain_mask: Its brain mask, where there is one.
        lesion_mask: Its true lesions, where they are known.
        subject: The person; both scans of one person are one subject.
        mask_source: Where a painted lesion's mask came from, or "".
        label_map: Which label map or template the brain was made from, or "".
        split: One of `SPLITS`, or "" where none is given.
        pathology: `healthy`, `tumour`, ..., or "".
        lesion_labels: Which values of the lesion mask are lesion.
        ignored_labels: Which of its values count neither as lesion nor as healthy: they leave training and metrics.
        columns: The other columns of the cohort table.
    """

    name: str
    image: Path
    brain_mask: Path | None = None
    lesion_mask: Path | None = None
    subject: str = ""
    mask_source: str = ""
    label_map: str = ""
    split: str = ""
    pathology: str = ""
    lesion_labels: tuple[int, ...] = (1,)
    ignored_labels: tuple[int, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith(".") or any(sign in self.name for sign in "/\\\0\n\t"):
            raise CohortError(
                self.image,
                found=f"the case name {self.name!r}",
                needed="a name that can be a file's",
                fix="Use letters, digits, '-' and '_'.",
            )
        if len(os.fsencode(self.name)) > LONGEST_NAME or not _is_unicode(self.image):
            raise CohortError(
                repr(str(self.image))[1:-1],
                found=f"a name of {len(os.fsencode(self.name))} bytes" if _is_unicode(self.image) else "no UTF-8 name",
                needed=f"a name in UTF-8 of at most {LONGEST_NAME} bytes: outputs are called after it",
                fix="Rename it, or name its case in a table with the columns 'case' and 'image'.",
            )
        if self.split and self.split not in SPLITS:
            raise CohortError(
                f"case {self.name}",
                found=f"the split {self.split!r}",
                needed=f"one of {', '.join(SPLITS)}, or none",
                fix="Mend the column 'split'.",
            )
        labels = (*self.lesion_labels, *self.ignored_labels)
        if not self.lesion_labels or min(labels) < 1 or len(set(labels)) < len(labels):
            raise CohortError(
                f"case {self.name}",
                found=f"the lesion labels {self.lesion_labels} and the ignored labels {self.ignored_labels}",
                needed="at least one lesion label, whole numbers above 0, each once",
                fix="Mend the columns 'lesion_labels' and 'ignored_labels', for example 1 and 2.",
            )
        if not self.subject:
            object.__setattr__(self, "subject", self.name)


def _is_unicode(path: Path) -> bool:
    """Whether a path can be written into a table or page; others come from archives of older systems."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


class Cohort(Sequence[Case]):
    """Cases in a fixed order; immutable.

    Attributes:
        notes: Sentences about what was found beside the cases and is not read.

    Raises:
        CohortError: Two cases have one name.
    """

    def __init__(self, cases: Iterable[Case], notes: Iterable[str] = ()) -> None:
        self._cases = tuple(cases)
        self.notes = tuple(notes)
        seen: dict[str, Case] = {}
        for case in self._cases:
            if case.name in seen:
                other = seen[case.name].image
                found = f"two scans of this name: {other} and {case.image}"
                fix = "Rename one, or list the scans that are wanted in a table with the columns 'case' and 'image'."
                if other.absolute() == case.image.absolute():
                    found, fix = f"{case.image} twice", "Name it once."
                raise CohortError(
                    f"case {case.name}", found=found, needed="one scan a case, each with its own name", fix=fix
                )
            seen[case.name] = case

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> Cohort: ...
    def __getitem__(self, index: int | slice) -> Case | Cohort:
        return Cohort(self._cases[index]) if isinstance(index, slice) else self._cases[index]

    def __len__(self) -> int:
        return len(self._cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self._cases)

    def split(self, name: str) -> Cohort:
        """Return the cases of one split; there may be none."""
        return self.where(split=name)

    def sides(self) -> dict[str, Cohort]:
        """The cases of each split that is given."""
        return {name: side for name in SPLITS if len(side := self.split(name))}

    def where(self, **equals: str) -> Cohort:
        """Return the cases whose attributes or columns have these values; there may be none."""
        return Cohort(case for case in self if all(_of(case, key) == value for key, value in equals.items()))

    @property
    def healthy(self) -> Cohort:
        """The cases without a lesion mask."""
        return Cohort(case for case in self if case.lesion_mask is None)

    @property
    def annotated(self) -> Cohort:
        """The cases with a lesion mask."""
        return Cohort(case for case in self if case.lesion_mask is not None)


def _of(case: Case, key: str) -> str:
    return str(getattr(case, key)) if key in ("name", *_TEXTS) else case.columns.get(key, "")


def case_from_row(row: Mapping[str, str], folder: Path, table: Path) -> Case:
    """Make a case of a table's row.

    Args:
        row: Column -> value; `image` is needed.
        folder: What relative paths are relative to.
        table: The table, named in errors.

    Raises:
        CohortError: A file is missing, or the name or split cannot be used.
    """
    files: dict[str, Path | None] = {}
    for key in _FILES:
        files[key] = folder / row[key] if row.get(key) else None
        path = files[key]
        if path is None and key == "image":
            raise CohortError(table, found="a row without an image", needed="a path", fix="Fill the column 'image'.")
        if path is not None and not path.is_file():
            raise _no_file(table, f"the {key.replace('_', ' ')} {path}", path)
    image = folder / row["image"]
    name = parse_name(image)
    subject = f"sub-{name.entities['sub']}" if name.entities else ""
    texts = {key: row.get(key, "") for key in _TEXTS}
    return Case(
        name=row.get("case") or name.case,
        image=image,
        brain_mask=files["brain_mask"],
        lesion_mask=files["lesion_mask"],
        columns={key: value for key, value in row.items() if key not in ("case", *_FILES, *_TEXTS, *_LABELS)},
        lesion_labels=_labels(row, "lesion_labels", table),
        ignored_labels=_labels(row, "ignored_labels", table),
        **(texts | {"subject": texts["subject"] or subject}),
    )


FETCH = "Fetch the file, in a DataLad dataset by 'datalad get' or 'git annex get', or leave the scan out."
"""What helps where a link points to nothing."""


def _no_file(table: Path, named: str, path: Path) -> CohortError:
    if path.is_dir():
        fix = "Give the path of the file in it, or rename the folder: its name is that of an image."
        return CohortError(table, found=f"{named}, which is a folder", needed="a file", fix=fix)
    if path.is_symlink():
        return CohortError(table, found=f"{named}, a link to a file that is not there", needed="a file", fix=FETCH)
    found, fix = f"{named}, which does not exist", "Mend the path or remove the row."
    return CohortError(table, found=found, needed="paths relative to the table", fix=fix)


def _labels(row: Mapping[str, str], column: str, table: Path) -> tuple[int, ...]:
    """`1 2 4` -> (1, 2, 4)."""
    text = row.get(column, "")
    parts = text.split()
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise CohortError(
            table,
            found=f"{text!r} in the column {column!r}",
            needed="whole numbers with spaces between them",
            fix="For example: 1 2 4",
        )
    return tuple(int(part) for part in parts) or _LABELS[column]


def read_cohort(path: str | Path) -> Cohort:
    """Read a cohort table (.tsv or .csv); paths in it are relative to its folder.

    Columns: `image`; as wanted `case brain_mask lesion_mask subject mask_source label_map split pathology lesion_labels
    ignored_labels`; any others.

    Raises:
        CohortError: The table is empty or malformed, a column is nearly one of these, a file is missing, two cases have
            one name.
    """
    path = Path(path)
    rows = read_table(path, required=["image"])
    _refuse_misspelt(path, rows[0] if rows else {})
    if not rows:
        raise CohortError(path, found="no rows", needed="one row a scan", fix="Add the scans to the table.")
    return Cohort(case_from_row(row, path.parent, path) for row in rows)


def _refuse_misspelt(table: Path, columns: Iterable[str]) -> None:
    """Refuse `LesionMask`, which would count as another column, and every patient as healthy."""
    known = ("case", *_FILES, *_TEXTS, *_LABELS)
    plain = {name.replace("_", ""): name for name in known}
    for column in columns:
        meant = plain.get(re.sub(r"[\s_-]", "", column).lower())
        if meant is not None and column != meant:
            raise CohortError(
                table, found=f"a column {column!r}", needed=f"the name {meant!r}", fix="Rename it, if that is meant."
            )


def relative_path(file: Path, folder: Path) -> str:
    """A file's path from a folder, also where one of the two is reached through a link: `link/..` is elsewhere."""
    path = os.path.relpath(file, folder)
    there = Path(os.path.normpath(folder.resolve() / path))  # where the file system takes it
    if file.exists() and not (there.exists() and there.samefile(file)):
        return os.path.relpath(file.parent.resolve() / file.name, folder.resolve())
    return path


def write_cohort(cohort: Cohort, path: str | Path) -> None:
    """Write a cohort table that `read_cohort` reads back; paths become relative to its folder.

    Raises:
        OutputError: It cannot be written.
    """
    path = Path(path)
    rows = []
    for case in cohort:
        files = {key: getattr(case, key) for key in _FILES}
        relative = {key: relative_path(file, path.parent) if file else "" for key, file in files.items()}
        labels = {key: " ".join(map(str, getattr(case, key))) for key in _LABELS}
        texts = {key: getattr(case, key) for key in _TEXTS}
        rows.append({"case": case.name, **relative, **texts, **labels, **case.columns})
    labelled = [key for key, usual in _LABELS.items() if any(getattr(case, key) != usual for case in cohort)]
    others = sorted({key for case in cohort for key in case.columns})
    write_table(path, ["case", *_FILES, *_TEXTS, *labelled, *others], rows)
