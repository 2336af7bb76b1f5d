"""What an experiment on annotated patients consists of: a short YAML file, like those of `plan.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.splits import fold_by_group, split_by_group
from pseudohealthy.workflows.experiments.methods import Methods, Times, refuse_too_few, refuse_too_many
from pseudohealthy.workflows.experiments.people import People, find_people

HEALTHY_ROLES = ("validation", "calibration", "test")
PATIENT_ROLES = ("annotated", "calibration")


@dataclass(frozen=True, kw_only=True)
class PatientPlan(Methods):
    """Patients in cross-validation, each tested once; healthy people train Stage I once for all folds.

    Paths are relative to the folder that the command's `--data` names.

    Attributes:
        patients: Dataset with lesion masks.
        pathology: What they have.
        healthy: Datasets of healthy scans.
        virtual: So many virtual healthy brains are added to those that Stage I learns from.
        healthy_roles: How many of the healthy are held out of Stage I for what; all others train it.
        roles: How many scans of the patients who are not tested in a fold are on which side; the others are left out.
        folds: Of how many parts of the patients one is tested at a time.
        others: Pathology -> dataset with lesion masks that is tested in every fold and never learned from.
    """

    patients: str
    pathology: str
    healthy: tuple[str, ...]
    virtual: int = 0
    healthy_roles: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(HEALTHY_ROLES, 1))
    roles: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(PATIENT_ROLES, 1))
    folds: int = 5
    others: Mapping[str, str] = field(default_factory=dict)
    title: str = "Patients: known and unseen pathology"

    def __post_init__(self) -> None:
        """See `Methods`."""
        super().__post_init__()
        refuse_too_many(self.fewer_annotated, self.roles)
        for what, roles, known in (
            ("healthy_roles", self.healthy_roles, HEALTHY_ROLES),
            ("roles", self.roles, PATIENT_ROLES),
        ):
            if tuple(sorted(roles)) != tuple(sorted(known)) or min(roles.values()) < 1:
                raise ValueError(f"{what} {dict(roles)}, which are not one scan or more for each of {', '.join(known)}")
        if self.folds < 2 or self.virtual < 0 or not self.healthy:
            raise ValueError("fewer than 2 folds, fewer than 0 virtual brains, or no healthy dataset")
        if {"healthy", self.pathology} & set(self.others):
            raise ValueError(f"others {tuple(self.others)}, one of which has another role")

    @property
    def times(self) -> Times:
        """Stage I and what learns without annotations once a seed, the rest once a fold."""
        return Times(len(self.seeds), len(self.seeds) * self.folds, len(self.seeds), 0)

    def people(self, data: Path) -> People:
        """Everyone that the datasets have; see `find_people`.

        Raises:
            CohortError: None is found, or a patient without a lesion mask.
        """
        return find_people(data, {self.pathology: self.patients}, self.others, self.healthy)

    def healthy_sides(self, people: People, seed: int) -> Cohort:
        """The healthy scans with their split.

        Raises:
            CohortError: They are too few.
        """
        found, held_out = people.healthy, sum(self.healthy_roles.values())
        if len(found) <= held_out:
            raise CohortError(
                ", ".join(self.healthy),
                found=f"{len(found)} healthy scans",
                needed=f"more than the {held_out} that 'healthy_roles' holds out",
                fix="Add scans or lower the numbers.",
            )
        counts = {"train": len(found) - held_out, **self.healthy_roles}
        return split_by_group(found, {role: count / len(found) for role, count in counts.items()}, seed)

    def patient_sides(self, people: People, seed: int) -> list[Cohort]:
        """The patients with their split, for each fold; those of `others` are tested in each.

        Raises:
            CohortError: They are too few.
        """
        refuse_too_few(self.patients, "patients", len(people.patients), self.folds, self.roles)
        others = [replace(case, split="test") for case in people.others]
        folds = fold_by_group(people.patients, self.folds, seed)
        return [Cohort([*self._fold(folds, str(number), seed + number), *others]) for number in range(self.folds)]

    def _fold(self, folds: Cohort, number: str, seed: int) -> Cohort:
        tested = [replace(case, split="test") for case in folds if case.columns["fold"] == number]
        rest = Cohort(case for case in folds if case.columns["fold"] != number)
        left_out = len(rest) - sum(self.roles.values())
        counts = {**self.roles, **({"train": left_out} if left_out else {})}  # `train` stands for: not used
        sides = split_by_group(rest, {role: count / len(rest) for role, count in counts.items()}, seed)
        return Cohort([*tested, *(case for case in sides if case.split != "train")])
