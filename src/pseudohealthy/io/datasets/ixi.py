"""IXI: healthy people from three London hospitals, whole heads; `IXI-T1.tar` unpacked, or the files of it."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from pseudohealthy.io.datasets.base import Found, Row, brain_mask_beside, matches, not_read
from pseudohealthy.io.names import is_nifti
from pseudohealthy.io.table import is_table, read_table
from pseudohealthy.io.walk import files_below

_NAME = re.compile(r"(IXI\d{3})-(Guys|HH|IOP)-\d{4}-([A-Z0-9]+)(?:-\d+)?\.nii(?:\.gz)?")
_SEX = {"1": "M", "2": "F"}


def find_ixi(folder: Path) -> Found | None:
    """The T1 scans, with site, age and sex where the exported spreadsheet lies beside them."""
    patterns = ("IXI*-T1.nii", "IXI*-T1.nii.gz", "*/IXI*-T1.nii", "*/IXI*-T1.nii.gz")
    scans = [(file, match) for file in matches(folder, patterns) if (match := _NAME.fullmatch(file.name))]
    if not scans:
        return None
    people, notes = _people(folder)
    scans, again = _one_each(scans)
    if again:
        notes.append(f"a second scan of a person, left out: {', '.join(again)}")
    modalities = defaultdict(set)
    for file in files_below(folder):
        if is_nifti(file) and (match := _NAME.fullmatch(file.name)):
            modalities[match[1]].add(match[3])
    rows: list[Row] = [
        {
            "case": file.name.split("-T1.nii")[0],
            "image": str(file.absolute()),
            "brain_mask": brain_mask_beside(file),
            "subject": match[1],
            "pathology": "healthy",
            "site": match[2],
            "modalities": " ".join(sorted(modalities[match[1]])),
            "age": people.get(match[1], {}).get("age", ""),
            "sex": people.get(match[1], {}).get("sex", ""),
        }
        for file, match in scans
    ]
    without = sum(not row["age"] for row in rows)
    if people and without:
        notes.append(f"no age for {without} of {len(rows)} scans")
    lacking = len(modalities) - len(rows)
    if lacking > 0:
        notes.append(f"people without a T1 scan: {lacking}")
    return Found(rows, (*notes, *not_read(folder, rows, _kind)))


def _one_each(scans: list[tuple[Path, re.Match[str]]]) -> tuple[list[tuple[Path, re.Match[str]]], list[str]]:
    """First scan of each person, and names of the others. Two files of one name are for the cohort to refuse."""
    first: dict[str, str] = {}
    kept, again = [], []
    for file, match in scans:
        name = file.name.split("-T1.nii")[0]
        if first.setdefault(match[1], name) == name:
            kept.append((file, match))
        else:
            again.append(name)
    return kept, again


def _kind(file: Path) -> str:
    match = _NAME.fullmatch(file.name)
    return match[3] if match else "other"


def _people(folder: Path) -> tuple[dict[str, Row], list[str]]:
    """Age and sex by subject. Rows of one id that contradict each other leave the value empty."""
    files = [file for place in (folder, folder.absolute().parent) for file in sorted(place.glob("IXI.*"))]
    tables = [file for file in files if is_table(file)]
    if not tables:
        sheets = [file.name for file in files if file.suffix.lower() in (".xls", ".xlsx")]
        what = f"{sheets[0]} is not read" if sheets else "no IXI.csv"
        return {}, [f"{what}: save the sheet 'Table' of IXI.xls as IXI.csv beside the scans to get age and sex"]
    said: dict[str, dict[str, set[str]]] = defaultdict(lambda: {"age": set(), "sex": set()})
    for row in read_table(tables[0], required=["IXI_ID", "AGE"]):
        sex = next((value for name, value in row.items() if name.upper().startswith("SEX")), "")
        number = _number(row["IXI_ID"])
        if number is None:
            continue
        person = said[f"IXI{int(number):03d}"]
        if (age := _number(row["AGE"])) is not None and age > 0:
            person["age"].add(f"{age:.2f}")
        if (code := _number(sex)) is not None and f"{code:g}" in _SEX:  # 0 stands for unknown
            person["sex"].add(_SEX[f"{code:g}"])
    torn = [name for name, person in said.items() if any(len(values) > 1 for values in person.values())]
    notes = [f"{tables[0].name} contradicts itself on {', '.join(sorted(torn))}: left empty"] if torn else []
    people = {
        name: {key: values.copy().pop() if len(values) == 1 else "" for key, values in person.items()}
        for name, person in said.items()
    }
    return people, notes


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
