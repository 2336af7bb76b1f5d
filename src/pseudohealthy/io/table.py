"""Tables of text: TSV and CSV, by the file's name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.io.files import write_text

_DELIMITERS = {".tsv": "\t", ".csv": ","}


def is_table(path: Path) -> bool:
    """Return whether the name is that of a TSV or CSV file."""
    return path.suffix.lower() in _DELIMITERS


def read_table(path: Path, required: Sequence[str] = ()) -> list[dict[str, str]]:
    """Read the rows of a table, stripped of spaces; `n/a`, as BIDS writes it, becomes empty.

    Raises:
        CohortError: Missing, not UTF-8 text, without a required column, with a column twice or a row of another length.
    """
    delimiter = _DELIMITERS.get(path.suffix.lower())
    if delimiter is None or not path.is_file():
        found = "no such file" if delimiter else "a file that is no table"
        raise CohortError(path, found=found, needed="a .tsv or .csv file", fix="Check the path.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CohortError(
            path, found=f"that it cannot be read ({error})", needed="UTF-8 text", fix="Save the table as TSV or CSV."
        ) from error
    header = [name.strip() for name in rows[0]] if rows else []
    missing = [name for name in required if name not in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    if missing or twice:
        problem = f"no column {missing[0]!r}" if missing else f"column {twice[0]!r} twice"
        raise CohortError(
            path,
            found=f"{problem} (columns: {', '.join(header) or 'none'})",
            needed=f"each column once, among them {', '.join(required)}" if required else "each column once",
            fix="Mend the header row; columns are separated by " + ("tabs." if delimiter == "\t" else "commas."),
        )
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise CohortError(
                path,
                found=f"{len(row)} values in row {number}",
                needed=f"{len(header)}, one for each column",
                fix="Write n/a where a value is missing.",
            )
    return [dict(zip(header, (_value(cell) for cell in row), strict=True)) for row in rows[1:]]


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a table, whole or not at all; an empty value becomes `n/a`.

    Raises:
        OutputError: It cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=_DELIMITERS[path.suffix.lower()], lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") or "n/a" for column in columns] for row in rows)
    write_text(path, text.getvalue())


def _value(cell: str) -> str:
    cell = cell.strip()
    return "" if cell.lower() == "n/a" else cell
