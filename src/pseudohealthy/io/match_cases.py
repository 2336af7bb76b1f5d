"""Which case of a cohort another project's file means: names differ in folders, endings and prefixes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NoReturn

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import SPLITS, Case, Cohort
from pseudohealthy.io.split_files import Entry

_ENDINGS = re.compile(r"[_-](t1w?|t1wks|t2w?|flair|pd|brain|mask|seg|0000)$")


def apply_entries(cohort: Cohort, entries: Sequence[Entry], source: str) -> tuple[Cohort, list[str]]:
    """Give each case the split that a file's entry says; cases that it does not name are left out.

    An entry is a case by its name, else by its image's name without ending and modality (`X_t1.nii.gz` is `X-T1.nii`),
    else by its subject.

    Args:
        cohort: The cases.
        entries: What the file says.
        source: The file, named in errors.

    Returns:
        The cases that are named, in the cohort's order, and the names of entries for which there is no case.

    Raises:
        CohortError: An unknown split, an entry that fits several cases, a case that two entries put on two sides, or
            no entry that fits.
    """
    places = [_index(cohort, _names), _index(cohort, _subjects)]
    split_of: dict[str, str] = {}
    missing = []
    for entry in entries:
        if entry.split not in SPLITS:
            _refuse(source, f"the split {entry.split!r}", f"one of {', '.join(SPLITS)}", "Rename it.")
        found = next((index[key] for index in places for key in keys_of(entry.name) if key in index), [])
        if len(found) > 1:
            names = ", ".join(found)
            _refuse(
                source, f"{entry.name}, which fits several cases: {names}", "one case", "Name the cases in a table."
            )
        if not found:
            missing.append(entry.name)
        elif split_of.setdefault(found[0], entry.split) != entry.split:
            sides = f"{split_of[found[0]]} and {entry.split}"
            _refuse(source, f"{found[0]} in {sides}", "each case on one side", "Remove it from one.")
    if not split_of:
        _refuse(
            source,
            f"no name that fits a case, such as {entries[0].name}" if entries else "no entry",
            f"names of the cohort's cases, such as {cohort[0].name}",
            "Check that file and data belong together.",
        )
    return Cohort(replace(case, split=split_of[case.name]) for case in cohort if case.name in split_of), missing


def keys_of(name: str) -> list[str]:
    """What a name is looked up by, most telling first: itself, and without folder, endings, prefix and separators."""
    stem = re.sub(r"\.nii(\.gz)?$", "", PurePosixPath(name).name.lower())
    while (shorter := _ENDINGS.sub("", stem)) != stem:
        stem = shorter
    return [name, re.sub(r"[^a-z0-9]", "", stem.removeprefix("sub-"))]


def _names(case: Case) -> Iterable[str]:
    return (*keys_of(case.name), *keys_of(str(case.image.resolve())))


def _subjects(case: Case) -> Iterable[str]:
    return keys_of(case.subject)


def _index(cohort: Cohort, keys: Callable[[Case], Iterable[str]]) -> dict[str, list[str]]:
    index: defaultdict[str, list[str]] = defaultdict(list)
    for case in cohort:
        for key in dict.fromkeys(keys(case)):
            index[key].append(case.name)
    return dict(index)


def _refuse(source: str, found: str, needed: str, fix: str) -> NoReturn:
    raise CohortError(source, found=found, needed=needed, fix=fix)
