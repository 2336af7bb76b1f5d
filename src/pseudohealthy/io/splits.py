"""Splits by group: no subject, lesion-mask source or label map on two sides (rule 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pseudohealthy.errors import CohortError, LeakError
from pseudohealthy.io.cohort import GROUPS, SPLITS, Case, Cohort
from pseudohealthy.io.files import sha256
from pseudohealthy.io.table import read_table, write_table


def refuse_leaks(sides: Mapping[str, Cohort]) -> None:
    """Refuse a split in which two sides share something.

    Args:
        sides: Name of the side -> its cases.

    Raises:
        LeakError: A subject, mask source or label map (where given), or the same image file, is on two sides.
    """
    placed = [(side, case) for side, cohort in sides.items() for case in cohort]
    for column in GROUPS:
        _refuse_shared(column.replace("_", " "), [(side, case, str(getattr(case, column))) for side, case in placed])
    # Equal files have equal sizes: only those need to be read.
    sizes = [(side, case, case.image.stat().st_size) for side, case in placed if case.image.is_file()]
    sides_of_size = defaultdict(set)
    for side, _, size in sizes:
        sides_of_size[size].add(side)
    alike = [(side, case, sha256(case.image)) for side, case, size in sizes if len(sides_of_size[size]) > 1]
    _refuse_shared("image content, SHA-256", alike)


def _refuse_shared(what: str, entries: list[tuple[str, Case, str]]) -> None:
    first: dict[str, tuple[str, Case]] = {}
    for side, case, value in entries:
        if not value:
            continue
        other_side, other = first.setdefault(value, (side, case))
        if other_side != side:
            raise LeakError(
                f"{what} {value}",
                found=f"that it is on two sides: {other_side} ({other.name}) and {side} ({case.name})",
                needed="each subject, lesion-mask source, label map and image on one side only",
                fix="Move all of its cases to one side.",
            )


def split_by_group(cohort: Cohort, fractions: Mapping[str, float], seed: int) -> Cohort:
    """Divide a cohort at random, without dividing a group.

    Cases that share a subject, a mask source or a label map, also through others, go together. The result depends on
    the cases, the fractions and the seed, not on the order of the cases.

    Args:
        cohort: What to divide.
        fractions: Split name -> share of the cases; they sum to 1.
        seed: Another seed, another split.

    Returns:
        The same cases in the same order, with `split` set.

    Raises:
        CohortError: Unknown split, fractions that do not sum to 1, or too few groups for a side to get a case.
    """
    unknown = [name for name in fractions if name not in SPLITS]
    total = sum(fractions.values())
    if unknown or abs(total - 1) > 1e-6 or min(fractions.values(), default=0) <= 0:
        raise CohortError(
            "fractions of a split",
            found=", ".join(f"{name} {share:g}" for name, share in fractions.items()) or "none",
            needed=f"shares above 0 of {', '.join(SPLITS)} that sum to 1",
            fix="Mend the fractions.",
        )
    names, groups = list(fractions), list(_groups(cohort))
    rng = np.random.default_rng(seed)
    lack = np.array([fractions[name] * len(cohort) for name in names])
    side_of: dict[str, str] = {}
    for group in sorted(groups, key=len, reverse=True):  # big groups first, so that small ones even out
        # By lot, a side's chance being what it still lacks: else the largest side would get all the big groups.
        room = np.where(lack >= len(group) / 2, lack, 0.0)
        side = int(rng.choice(len(names), p=room / room.sum()) if room.any() else lack.argmax())
        lack[side] -= len(group)
        side_of |= dict.fromkeys(group, names[side])
    empty = [name for name in fractions if name not in side_of.values()]
    if empty:
        raise CohortError(
            "the cohort",
            found=f"{len(groups)} groups of cases that belong together, which leave {empty[0]} empty",
            needed="at least one group for each side",
            fix="Add subjects or use fewer or more equal sides.",
        )
    return Cohort(replace(case, split=side_of[case.name]) for case in cohort)


def _groups(cohort: Cohort) -> Iterator[list[str]]:
    """Names of the cases that hang together, each group and the groups sorted by name."""
    names_of = defaultdict(list)
    keys_of = {}
    for case in sorted(cohort, key=lambda case: case.name):
        keys_of[case.name] = [(column, value) for column in GROUPS if (value := str(getattr(case, column)))]
        for key in keys_of[case.name]:
            names_of[key].append(case.name)
    seen: set[str] = set()
    for first in keys_of:
        group, waiting = [], [first]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                group.append(name)
                waiting += [other for key in keys_of[name] for other in names_of[key]]
        if group:
            yield sorted(group)


def apply_split(cohort: Cohort, path: str | Path) -> Cohort:
    """Set the split of each case from a table with the columns `case` and `split`.

    Raises:
        CohortError: A case is missing from the table, or the table names one twice or an unknown one.
    """
    path = Path(path)
    rows = read_table(path, required=["case", "split"])
    listed = [row["case"] for row in rows]
    known = {case.name for case in cohort}
    twice = sorted({name for name in listed if listed.count(name) > 1})
    for problem, names in (
        ("no row for", sorted(known - set(listed))),
        ("an unknown case,", sorted(set(listed) - known)),
        ("two rows for", twice),
    ):
        if names:
            raise CohortError(
                path,
                found=f"{problem} {names[0]}" + (f" and {len(names) - 1} others" if len(names) > 1 else ""),
                needed="one row for each case of the cohort",
                fix="Make the split table from this cohort.",
            )
    split_of = {row["case"]: row["split"] for row in rows}
    return Cohort(replace(case, split=split_of[case.name]) for case in cohort)


def write_split(cohort: Cohort, path: str | Path) -> None:
    """Write the table that `apply_split` reads.

    Raises:
        OutputError: It cannot be written.
    """
    write_table(Path(path), ["case", "split"], ({"case": case.name, "split": case.split} for case in cohort))
