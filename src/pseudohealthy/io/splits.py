"""Splits by group: no subject, lesion-mask source or label map on two sides (rule 6)."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pseudohealthy.errors import CohortError, LeakError
from pseudohealthy.io.cohort import GROUPS, SPLITS, Case, Cohort
from pseudohealthy.io.content import file_key, grid_of
from pseudohealthy.io.files import sha256
from pseudohealthy.io.strata import divide_alike, labels_of

_HELD_OUT = ("calibration", "test")


def refuse_leaks(sides: Mapping[str, Cohort]) -> None:
    """Refuse a split in which two sides share something.

    Args:
        sides: Name of the side -> its cases.

    Raises:
        LeakError: A subject, mask source or label map (where given), the same image file, or the same voxels under
            another header, compression, storage order or data type are on two sides.
    """
    placed = [(side, case) for side, cohort in sides.items() for case in cohort]
    for column in GROUPS:
        _refuse_shared(column.replace("_", " "), [(side, case, str(getattr(case, column))) for side, case in placed])
    # Equal files have equal sizes, equal voxels the same grid: only those need to be read.
    sizes = [(side, case, case.image.stat().st_size) for side, case in placed if case.image.is_file()]
    alike = [(side, case, sha256(case.image)) for side, case in _on_two_sides(sizes)]
    _refuse_shared("image content, SHA-256", alike)
    grids = [(side, case, grid) for side, case in placed if (grid := grid_of(case.image)) is not None]
    _refuse_shared("image content, voxels", [(side, case, file_key(case.image)) for side, case in _on_two_sides(grids)])


def _on_two_sides(entries: Sequence[tuple[str, Case, object]]) -> list[tuple[str, Case]]:
    """The cases whose value another side has, too."""
    sides_of = defaultdict(set)
    for side, _, value in entries:
        sides_of[value].add(side)
    return [(side, case) for side, case, value in entries if len(sides_of[value]) > 1]


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


def chosen(cohort: Cohort, name: str | None, usual: str) -> Cohort:
    """The cases of the split that is asked for; else of the usual one, or all where no case has a split.

    Cases without a split beside others that have one are left out, and told.

    Raises:
        CohortError: A split is asked for that no case has.
    """
    there = cohort.sides()
    bare = [case.name for case in cohort if not case.split] if there else []
    if bare:
        text = "scans without a split beside others that have one are left out: %d, such as %s"
        logging.getLogger("pseudohealthy").warning(text, len(bare), ", ".join(bare[:3]))
    if name is None:
        return cohort.split(usual) if there else cohort
    asked = cohort.split(name)
    if not len(asked):
        raise CohortError(
            f"split '{name}'",
            found=f"no scan of it (splits: {', '.join(there) or 'none'})",
            needed="at least one",
            fix="Mend the column 'split' of the cohort table, or choose others with --split.",
        )
    return asked


def split_by_group(
    cohort: Cohort,
    fractions: Mapping[str, float],
    seed: int,
    stratify: Sequence[str] = (),
    together: Iterable[tuple[str, str]] = (),
) -> Cohort:
    """Divide a cohort at random, without dividing a group.

    Cases that share a subject, a mask source or a label map, also through others, go together. The result depends on
    the cases, the fractions and the seed, not on the order of the cases.

    Args:
        cohort: What to divide.
        fractions: Split name -> share of the cases; they sum to 1.
        seed: Another seed, another split.
        stratify: Columns in which the sides are to be alike; see `io.strata`.
        together: Pairs of case names that go together, too.

    Returns:
        The same cases in the same order, with `split` set; a column `fold` is gone.

    Raises:
        CohortError: Unknown split, fractions that do not sum to 1, a column without values, or too few groups for a
            side to get a case.
    """
    unknown = [name for name in fractions if name not in SPLITS]
    total = sum(fractions.values())
    if unknown or not abs(total - 1) <= 1e-6 or min(fractions.values(), default=0) <= 0:  # so that NaN is refused
        raise CohortError(
            "fractions of a split",
            found=", ".join(f"{name} {share:g}" for name, share in fractions.items()) or "none",
            needed=f"shares above 0 of {', '.join(SPLITS)} that sum to 1",
            fix="Mend the fractions.",
        )
    side_of = _divide(cohort, fractions, seed, stratify, together)
    return Cohort(replace(case, split=side_of[case.name]) for case in without_folds(cohort))


def without_folds(cohort: Cohort) -> Cohort:
    """The cohort without the column `fold`, which another division has left."""

    def others(case: Case) -> dict[str, str]:
        return {key: value for key, value in case.columns.items() if key != "fold"}

    return Cohort(replace(case, columns=others(case)) for case in cohort)


def fold_by_group(
    cohort: Cohort, folds: int, seed: int, stratify: Sequence[str] = (), together: Iterable[tuple[str, str]] = ()
) -> Cohort:
    """Divide a cohort for cross-validation, without dividing a group: see `split_by_group`.

    Returns:
        The same cases in the same order, with the column `fold`: in which fold, 0 to `folds` - 1, a case is for
        validation. Cases of the splits `calibration` and `test` are in no fold.

    Raises:
        CohortError: Fewer than two folds, or fewer groups than folds.
        LeakError: A held-out case is in a group, or in a pair, with one that is not.
    """
    if folds < 2:
        raise CohortError("folds", found=str(folds), needed="2 or more", fix="For example: --folds 5")
    sides = {
        "held out": Cohort(case for case in cohort if case.split in _HELD_OUT),
        "folds": (rest := Cohort(case for case in cohort if case.split not in _HELD_OUT)),
    }
    refuse_leaks(sides)
    known = {case.name for case in rest}
    pairs = [pair for pair in together if not known.isdisjoint(pair)]
    if divided := [pair for pair in pairs if not known.issuperset(pair)]:
        raise LeakError(
            " and ".join(divided[0]),
            found="the same brain, held out and in the folds",
            needed="each brain on one side only",
            fix="Leave one of the two out, or give both the same split; if they are two people: --trust-names.",
        )
    fold_of = _divide(rest, {str(number): 1 / folds for number in range(folds)}, seed, stratify, pairs)
    return Cohort(
        replace(case, columns={**case.columns, "fold": fold_of.get(case.name, "")}) if case.name in known else case
        for case in cohort
    )


def _divide(
    cohort: Cohort,
    fractions: Mapping[str, float],
    seed: int,
    stratify: Sequence[str],
    together: Iterable[tuple[str, str]],
) -> dict[str, str]:
    """Case name -> side."""
    names, groups = list(fractions), list(_groups(cohort, together))
    rng = np.random.default_rng(seed)
    side_of: dict[str, str] = {}
    if stratify:
        labels = labels_of(cohort, stratify, len(names))
        numbers = divide_alike(groups, [fractions[name] for name in names], labels, rng)
        side_of = {case: names[number] for case, number in numbers.items()}
    else:
        lack = np.array([fractions[name] * len(cohort) for name in names])
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
            found=f"{len(groups)} groups of cases that belong together, which leave {len(empty)} of {len(fractions)} "
            f"sides empty ('{empty[0]}')",
            needed="at least one group for each side",
            fix="Add subjects or use fewer or more equal sides.",
        )
    return side_of


def _groups(cohort: Cohort, together: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    """Names of the cases that hang together, each group and the groups sorted by name."""
    names_of = defaultdict(list)
    pairs_of = defaultdict(list)
    for pair in together:
        for name in pair:
            pairs_of[name].append(("pair", " ".join(sorted(pair))))
    keys_of = {}
    for case in sorted(cohort, key=lambda case: case.name):
        keys_of[case.name] = [(column, value) for column in GROUPS if (value := str(getattr(case, column)))]
        keys_of[case.name] += pairs_of[case.name]
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
