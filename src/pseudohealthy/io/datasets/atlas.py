"""ATLAS v2.0: chronic strokes, defaced whole heads in MNI space; `Training/R***/sub-*/ses-*/anat`."""

from __future__ import annotations

import re
from pathlib import Path

from pseudohealthy.io.datasets.base import Found, Row, matches, metadata, nifti, not_read, stem, with_masks
from pseudohealthy.io.names import parse_name
from pseudohealthy.io.table import is_table

_SCAN = re.compile(r"(sub-r\d{3}s\d{3})_ses-\d+(_space-MNI152NLin2009aSym)?_T1w")
_PLACES = ("", *(f"{part}R[0-9]*/" for part in ("", "*/", "*/Training/", "*/Testing/")))


def find_atlas(folder: Path) -> Found | None:
    """The T1w scans and lesion masks; the scans of `Testing`, whose masks are hidden, only where they are alone."""
    scans = [
        file
        for file in matches(folder, (f"{place}sub-r*s*/ses-*/anat/*_T1w.nii*" for place in _PLACES))
        if _SCAN.fullmatch(stem(file))
    ]
    if not scans:
        return None
    people, notes = _people(folder)
    rows, left_out = with_masks([_row(file.absolute(), people) for file in scans])
    return Found(rows, (*notes, *left_out, *not_read(folder, rows, _kind)))


def _row(file: Path, people: dict[str, Row]) -> Row:
    name = stem(file).removesuffix("_T1w")
    subject = file.parents[2].name
    site = re.sub(r"s\d{3}$", "", subject.removeprefix("sub-")).upper()
    part = file.parents[4].name
    case = parse_name(file).case
    return people.get(case, people.get(subject, {})) | {
        "case": case,
        "image": str(file.absolute()),
        "brain_mask": nifti(file.parent, f"{name}_desc-brain_mask"),
        "lesion_mask": nifti(file.parent, f"{name}_label-L_desc-T1lesion_mask"),
        "subject": subject,
        "pathology": "stroke",
        "site": site,
        "official_split": part.lower() if part in ("Training", "Testing") else "",
        "modalities": "T1w",
    }


def _kind(file: Path) -> str:
    if file.name.startswith("MNI152"):
        return "template"
    return "T1w without mask" if _SCAN.fullmatch(stem(file)) else "other"


def _people(folder: Path) -> tuple[dict[str, Row], list[str]]:
    near = [
        file
        for place in (folder, *folder.glob("ATLAS*/"), folder.absolute().parent)
        for file in sorted(place.glob("*.*"))
    ]
    files = [file for file in near if "metadata" in file.name.lower() or file.name == "participants.tsv"]
    tables = [file for file in files if is_table(file)]
    if tables:
        return metadata(tables[:1], _subject), []
    sheets = [file.name for file in files if file.suffix.lower() == ".xlsx"]
    return {}, [f"{sheets[0]} is not read: save it as CSV beside it to get its columns"] if sheets else []


def _subject(row: Row) -> str:
    """`sub-r001s001`, with `_ses-1` where the table tells sessions apart; "" where no column names a subject."""
    session = re.search(r"\d+", row.get("session", row.get("session_id", "")))
    for name, value in row.items():
        if ("subject" in name or name == "participant_id") and (match := re.search(r"r\d{3}s\d{3}", value)):
            return f"sub-{match[0]}" + (f"_ses-{int(session[0])}" if session else "")
    return ""
