"""The split files that the paper's authors published (Behrendt et al. 2024), read from the user's copy.

Tables with the columns `img_name`, `img_path`, `mask_path`, `seg_path` and demographics. Paths begin with `/` and are
meant below a data folder. Which side a file is for is in its name alone. They repeat people: some rows are twice in a
file, with different demographics, and some people are in the training and in the test file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import SPLITS, Case, Cohort
from pseudohealthy.io.match_cases import keys_of
from pseudohealthy.io.split_files import Entry
from pseudohealthy.io.table import read_table

_COLUMNS = ("img_name", "img_path")
_SPLIT_IN_NAME = {"train": "train", "val": "validation", "test": "test"}
_KEEPS = ("test", "calibration", "validation", "annotated", "train")  # which side keeps a person that is on two
_IXI = re.compile(r"ixi\d{3}")
_BELOW = ("", "Data")
# Folder in `img_path` -> pathology, and which values of the lesion mask are lesion, and which are ignored.
_DATASETS = {
    "brats": ("tumour", (1, 2, 4), ()),
    "atlas": ("stroke", (1,), ()),
    "mslub": ("ms", (1,), ()),
    "wmh": ("wmh", (1,), (2,)),
}


@dataclass(frozen=True)
class Row:
    """A row that is used.

    Attributes:
        split: One of io's splits.
        person: Who it is; equal for rows of one person.
        cells: Column -> value.
    """

    split: str
    person: str
    cells: Mapping[str, str]

    @property
    def entry(self) -> Entry:
        """What the row says, for a cohort that was found without it."""
        return Entry(self.cells["img_name"], self.split)


def is_paper_split(path: Path) -> bool:
    """Return whether a file is a CSV table with the columns of such a split."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return {name.strip() for name in file.readline().split(",")}.issuperset(_COLUMNS)


def read_paper_splits(files: Mapping[Path, str]) -> tuple[list[Row], list[str]]:
    """Read split files that belong together, such as those of a fold and of the test.

    A person who is twice in a file is kept once, without an age where the rows have two. A person who is on two sides
    is kept in the test rather than in the training, so that the test remains the paper's.

    Args:
        files: File -> split; "" where the name tells it (`*train*`, `*val*`, `*test*`).

    Returns:
        The rows that are used, and a sentence about each that is not.

    Raises:
        CohortError: No such table, or a name that does not tell the split.
    """
    rows: list[Row] = []
    dropped: list[str] = []
    for path, given in files.items():
        split = given or next((split for word, split in _SPLIT_IN_NAME.items() if word in path.stem.lower()), "")
        if split not in SPLITS:
            raise CohortError(
                path,
                found=f"the split {given!r}" if given else "a name that does not tell which side it is for",
                needed=f"one of {', '.join(SPLITS)}",
                fix=f"For example: --from {path.name}=train",
            )
        people: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
        for cells in read_table(path, required=_COLUMNS):
            people[_person(cells["img_name"])].append(cells)
        for person, same in people.items():
            first = same[0]
            if len(same) > 1:
                ages = list(dict.fromkeys(cells.get("age", "") for cells in same))
                if len(ages) > 1:
                    first = first | {"age": ""}
                also = f", with the ages {' and '.join(ages)}: its age is left empty" if len(ages) > 1 else ""
                dropped.append(f"{first['img_name']}: {len(same)} rows in {path.name}{also}; one is kept")
            rows.append(Row(split, person, first))
    keeper: dict[str, str] = {}
    for row in rows:
        keeper[row.person] = min(keeper.get(row.person, row.split), row.split, key=_KEEPS.index)
    for row in rows:
        if row.split != keeper[row.person]:
            dropped.append(f"{row.cells['img_name']}: in {row.split} and {keeper[row.person]}; left out of {row.split}")
    return [row for row in rows if row.split == keeper[row.person]], dropped


def paper_cohort(rows: Sequence[Row], folder: Path) -> tuple[Cohort, list[str]]:
    """Make the cohort of rows whose files lie below a folder, as the authors laid them out.

    Returns:
        The cases whose scan is there, with their split, and the names of rows whose scan is not.
    """
    cases, missing = [], []
    for row in rows:
        image = _below(folder, row.cells["img_path"])
        if image is None:
            missing.append(row.cells["img_name"])
            continue
        dataset = next((known for key, known in _DATASETS.items() if key in row.cells["img_path"].lower()), None)
        lesion = _below(folder, row.cells.get("seg_path", ""))
        pathology, lesion_labels, ignored_labels = dataset or ("", (1,), ())
        cases.append(
            Case(
                name=re.sub(r"(_t1)?(\.nii(\.gz)?)?$", "", row.cells["img_name"]),
                image=image,
                brain_mask=_below(folder, row.cells.get("mask_path", "")),
                lesion_mask=lesion,
                subject=row.person,
                split=row.split,
                pathology="healthy" if row.cells.get("label") == "0" else pathology,
                lesion_labels=lesion_labels,
                ignored_labels=ignored_labels,
                columns={key: row.cells[key] for key in ("age", "Agegroup") if key in row.cells},
            )
        )
    return Cohort(cases), missing


def _person(img_name: str) -> str:
    key = keys_of(img_name)[-1]
    match = _IXI.match(key)  # the rest of an IXI name is hospital and number of the scan
    return match[0] if match else key


def _below(folder: Path, path: str) -> Path | None:
    """A file whose path is meant below a folder although it begins with `/`."""
    places = [folder / part / path.lstrip("/") for part in _BELOW] if path else []
    return next((place.absolute() for place in places if place.is_file()), None)
