"""What is there in a cohort, and what is wrong with it, case by case."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pseudohealthy
from pseudohealthy.errors import CohortError, ImageError, PartialFailure
from pseudohealthy.io.cohort import SHAM, Case, Cohort
from pseudohealthy.io.content import label_volumes_ml
from pseudohealthy.io.lesions import read_lesion_mask
from pseudohealthy.io.volume import read_mask, read_volume
from pseudohealthy.prepare.check import ScanFacts, scan_facts
from pseudohealthy.prepare.fingerprint import Fingerprint, Pair, fingerprint, same_brains
from pseudohealthy.score.lesions import MIN_LESION_ML, components, countable
from pseudohealthy.workflows.same_brains import between_subjects


@dataclass
class CheckedCase:
    """What is known of a case.

    Attributes:
        case: The case.
        facts: What is in its scan; None where that cannot be used.
        lesions: Lesions of 0.1 ml or more in its mask; None without a usable one.
        lesion_ml: Volume of all that is lesion.
        labels_ml: Values of the lesion mask's file -> volume in ml.
        errors: Why it cannot be used.
        remarks: What is odd, and was accepted.
    """

    case: Case
    facts: ScanFacts | None = None
    lesions: int | None = None
    lesion_ml: float | None = None
    labels_ml: dict[str, float] = field(default_factory=dict)
    errors: list[ImageError] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Checked:
    """What is known of a cohort.

    Attributes:
        cases: Each case.
        pairs: Cases of different subjects that hold the same brain.
        notes: What was said of a dataset as a whole when it was found.
    """

    cases: tuple[CheckedCase, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...] = ()

    @property
    def unusable(self) -> tuple[CheckedCase, ...]:
        """The cases with an error."""
        return tuple(item for item in self.cases if item.errors)

    def fail_if_unusable(self) -> None:
        """Say by the exit code what cannot be used.

        Raises:
            ImageError: Nothing can be used: the first one's error.
            PartialFailure: Some cases cannot.
        """
        bad = self.unusable
        if len(bad) == len(self.cases):
            raise bad[0].errors[0]
        if bad:
            raise PartialFailure({item.case.name: str(item.errors[0]) for item in bad}, len(self.cases) - len(bad))

    def as_json(self) -> dict[str, Any]:
        """All of it, ready for JSON; what is not known is null."""
        return {
            "version": pseudohealthy.__version__,
            "n": len(self.cases),
            "unusable": len(self.unusable),
            "cases": [_as_json(item) for item in self.cases],
            "same_brain": [dataclasses.asdict(pair) for pair in self.pairs],
            "notes": list(self.notes),
        }


def check_cohort(cohort: Cohort, advance: Callable[[], None] = lambda: None) -> Checked:
    """Look at every case of a cohort; what cannot be used does not stop the rest.

    Args:
        cohort: What to look at.
        advance: Called after each case.

    Raises:
        CohortError: There is no case.
    """
    if not len(cohort):
        raise CohortError("scans to check", found="none", needed="at least one", fix="Check the path.")
    prints: dict[str, Fingerprint] = {}
    checked = []
    for case in cohort:
        item, print_ = _check(case)
        checked.append(item)
        if print_ is not None:
            prints[case.name] = print_
        advance()
    return Checked(tuple(checked), tuple(between_subjects(cohort, same_brains(prints))), tuple(cohort.notes))


def _check(case: Case) -> tuple[CheckedCase, Fingerprint | None]:
    item = CheckedCase(case)
    try:
        image = read_volume(case.image)
    except ImageError as error:
        item.errors.append(error)
        return item, None
    print_ = None
    try:
        mask = read_mask(case.brain_mask, image, "brain mask") if case.brain_mask else None
        print_ = fingerprint(image, mask)
        item.facts = scan_facts(image, mask)
        item.remarks += item.facts.remarks
    except ImageError as error:
        item.errors.append(error)
    if case.lesion_mask is None:
        if case.pathology not in ("", "healthy"):
            item.remarks.append(f"No lesion mask, though its pathology is '{case.pathology}'.")
        return item, print_
    try:
        item.labels_ml = label_volumes_ml(case.lesion_mask)
        known = read_lesion_mask(case, image)
    except ImageError as error:
        item.errors.append(error)
        return item, print_
    if known is not None:
        lesion = known.lesion.data
        item.lesions = len(countable(*components(lesion), image.voxel_ml, MIN_LESION_ML))
        item.lesion_ml = float(lesion.sum()) * image.voxel_ml
        if not lesion.any() and case.pathology not in ("", "healthy", SHAM):
            item.remarks.append(f"An empty lesion mask, though its pathology is '{case.pathology}'.")
    return item, print_


def _as_json(item: CheckedCase) -> dict[str, Any]:
    facts = dataclasses.asdict(item.facts) if item.facts else {}
    facts.pop("remarks", None)
    return {
        "case": item.case.name,
        "image": str(item.case.image),
        "subject": item.case.subject,
        "split": item.case.split or None,
        "pathology": item.case.pathology or None,
        "brain_mask": str(item.case.brain_mask) if item.case.brain_mask else None,
        "lesion_mask": str(item.case.lesion_mask) if item.case.lesion_mask else None,
        **{
            name: facts.get(name)
            for name in (field.name for field in dataclasses.fields(ScanFacts))
            if name != "remarks"
        },
        "lesions": item.lesions,
        "lesion_ml": item.lesion_ml,
        "labels_ml": item.labels_ml,
        "usable": not item.errors,
        "errors": [str(error) for error in item.errors],
        "remarks": item.remarks,
    }
