"""Which cases of a cohort hold the same brain: by their voxels, or by their looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pseudohealthy.errors import ImageError, LeakError
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.volume import read_mask, read_volume
from pseudohealthy.prepare.fingerprint import Fingerprint, Pair, fingerprint, same_brains


@dataclass(frozen=True)
class SameBrains:
    """What was found.

    Attributes:
        pairs: Cases of different subjects that hold the same brain.
        unread: Case name -> why it could not be compared.
    """

    pairs: tuple[Pair, ...]
    unread: Mapping[str, str]

    def sentences(self) -> list[str]:
        """What was found, for people."""
        found = [f"{pair}: they stay on one side" for pair in self.pairs]
        return [*found, *(f"{name} was not compared with the others: {why}" for name, why in self.unread.items())]


def find_same_brains(cohort: Cohort, advance: Callable[[], None] = lambda: None) -> SameBrains:
    """Read every scan of a cohort and compare all with all.

    Args:
        cohort: The scans.
        advance: Called after each scan.
    """
    prints: dict[str, Fingerprint] = {}
    unread: dict[str, str] = {}
    for case in cohort:
        try:
            prints[case.name] = read_fingerprint(case)
        except ImageError as error:
            unread[case.name] = str(error)
        advance()
    return SameBrains(tuple(between_subjects(cohort, same_brains(prints))), unread)


def read_fingerprint(case: Case) -> Fingerprint:
    """The fingerprint of a case.

    Raises:
        ImageError: The scan or its brain mask cannot be used.
    """
    image = read_volume(case.image)
    return fingerprint(image, read_mask(case.brain_mask, image, "brain mask") if case.brain_mask else None)


def between_subjects(cohort: Cohort, pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs whose cases are said to be of different subjects, and those of the same voxels in any case."""
    subject_of = {case.name: case.subject for case in cohort}
    return [pair for pair in pairs if pair.same_voxels or subject_of[pair.first] != subject_of[pair.second]]


def refuse_same_brains(cohort: Cohort, pairs: Iterable[Pair]) -> None:
    """Refuse a split that has the same brain on two sides.

    Raises:
        LeakError: It has.
    """
    split_of = {case.name: case.split for case in cohort}
    leaks = [pair for pair in pairs if split_of[pair.first] != split_of[pair.second]]
    if leaks:
        first = leaks[0]
        more = f", and {len(leaks) - 1} more pairs" if len(leaks) > 1 else ""
        raise LeakError(
            "the split",
            found=f"{first}, in {split_of[first.first]} and {split_of[first.second]}{more}",
            needed="each brain on one side only",
            fix="Leave one of the two out; if they are two people, say so with --trust-names.",
        )
