"""The people of an experiment on annotated patients, as found in their datasets, each scan once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.content import file_key


@dataclass(frozen=True)
class People:
    """Scans without a split: what a dataset's table says of sides is another division than the experiment's.

    Attributes:
        patients: Those of the pathology that is annotated.
        others: Those of other pathologies.
        healthy: Those without a lesion mask.
    """

    patients: Cohort
    others: Cohort
    healthy: Cohort

    def __len__(self) -> int:
        return len(self.patients) + len(self.others) + len(self.healthy)


def find_people(data: Path, patients: Mapping[str, str], others: Mapping[str, str], healthy: Iterable[str]) -> People:
    """Read the datasets.

    Args:
        data: Folder that they lie in.
        patients: Pathology -> dataset with lesion masks.
        others: The same for pathologies that are never annotated.
        healthy: Datasets of healthy scans; those with a lesion mask are left out.

    Raises:
        CohortError: None is found, or a patient without a lesion mask.
    """
    well = Cohort(case for name in healthy for case in discover([data / name]) if case.lesion_mask is None)
    return People(
        _annotated(data, patients),
        _annotated(data, others),
        Cohort(replace(case, pathology="healthy", split="") for case in well),
    )


def each_once(people: People, advance: Callable[[], None] = lambda: None) -> tuple[People, list[str]]:
    """Leave out what is there again under another name: it would be learned from and tested, or counted twice.

    The names of the people in a dataset are taken as they are, and a person's scans stay on one side. What names do
    not tell, equal voxels do: a scan that was published twice, or in two datasets. It stays with the patients rather
    than with the healthy.

    Args:
        people: Every scan of them is read.
        advance: Called after each scan.

    Returns:
        The people, and a sentence for each scan that is left out.
    """
    first: dict[str, Case] = {}
    said: list[str] = []

    def new(case: Case) -> bool:
        key = file_key(case.image)
        advance()
        other = first.setdefault(key, case) if key else case
        if other is not case:
            said.append(f"{case.name} is left out: it has the same voxels as {other.name} ({other.pathology})")
        return other is case

    def once(cohort: Cohort) -> Cohort:
        return Cohort(case for case in cohort if new(case))

    return People(once(people.patients), once(people.others), once(people.healthy)), said


def _annotated(data: Path, datasets: Mapping[str, str]) -> Cohort:
    return Cohort(
        replace(case, pathology=pathology, split="")
        for pathology, name in datasets.items()
        for case in _with_masks(data / name)
    )


def _with_masks(dataset: Path) -> Cohort:
    cohort = discover([dataset])
    bare = [case.name for case in cohort if case.lesion_mask is None]
    if bare:
        raise CohortError(
            dataset,
            found=f"no lesion mask for {', '.join(bare[:5])}",
            needed="a lesion mask for each patient",
            fix="Add the masks (derivatives/lesions) or leave these patients out.",
        )
    return cohort
