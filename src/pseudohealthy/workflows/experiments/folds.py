"""Who is on which side in each fold of a painted experiment, and which of their scans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.splits import fold_by_group, split_by_group
from pseudohealthy.virtual.painted_cohort import Wanted
from pseudohealthy.workflows.experiments.painted_plan import CONTROLS, PaintedPlan


def wanted(plan: PaintedPlan, hosts: Sequence[str]) -> list[Wanted]:
    """Every scan that the folds need, each person being tested once and annotated or not in the others.

    Copy 0 is for tests, copies 1, 2, ... for learning, so that no lesion is on two sides.
    """
    return [
        Wanted(host, pathology, copy)
        for host in hosts
        for pathology in (*CONTROLS, *plan.sets)
        for copy in range(1 + (plan.copies if pathology in plan.annotated else 0))
    ]


def sides(plan: PaintedPlan, people: Cohort, seed: int) -> list[dict[str, str]]:
    """Host -> split for each fold; every person is tested in one fold.

    Args:
        plan: Folds, roles, and in what the sides are to be alike.
        people: One healthy scan a person.
        seed: Another seed, other folds.
    """
    folds = fold_by_group(people, plan.folds, seed, plan.stratify)
    total = sum(plan.roles.values())
    shares = {role: count / total for role, count in plan.roles.items()}
    found = []
    for number in range(plan.folds):
        tested = [case.name for case in folds if case.columns["fold"] == str(number)]
        others = Cohort(case for case in people if case.name not in tested)
        roles = split_by_group(others, shares, seed + number, plan.stratify)
        found.append({case.name: case.split for case in roles} | dict.fromkeys(tested, "test"))
    return found


def cohort_of(plan: PaintedPlan, painted: Cohort, side_of: Mapping[str, str], annotated: str) -> Cohort:
    """The scans of one fold and direction, with their split.

    Test people: one scan of every set. Annotated people: the copies of the annotated pathology. Calibration: the
    healthy scan and one copy. Train and validation: the healthy scan.

    Args:
        plan: What was painted.
        painted: Every painted scan, with the column `host`.
        side_of: Host -> split.
        annotated: The pathology that Stage II may learn from.
    """
    by_name = {one.name(): one for one in wanted(plan, list(side_of))}
    return Cohort(replace(case, split=split) for case, split in _chosen(painted, by_name, side_of, annotated))


def _chosen(
    painted: Cohort, by_name: Mapping[str, Wanted], side_of: Mapping[str, str], annotated: str
) -> Iterator[tuple[Case, str]]:
    for case in painted:
        one = by_name[case.name]
        healthy, lesion = one.pathology == "healthy", one.pathology == annotated and one.copy > 0
        split = side_of[one.host]
        chosen = {
            "test": one.copy == 0,
            "annotated": lesion,
            "calibration": healthy or (lesion and one.copy == 1),
        }.get(split, healthy)
        if chosen:
            yield case, split
