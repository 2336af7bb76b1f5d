"""What an experiment with lesions painted on people consists of: a short YAML file, like those of `plan.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pseudohealthy.virtual.host_files import HostFiles, find_hosts
from pseudohealthy.workflows.experiments.methods import Methods, Times, refuse_too_few, refuse_too_many

ROLES = ("train", "validation", "annotated", "calibration")
CONTROLS = ("healthy", "sham")


@dataclass(frozen=True, kw_only=True)
class PaintedPlan(Methods):
    """An experiment with lesions painted on healthy people: each person is tested once, in one of the folds.

    Paths are relative to the folder that the command's `--data` names.

    Attributes:
        hosts: Dataset of healthy scans with tissue label maps.
        masks: Pathology -> folders of real lesion masks in MNI152 space; pathologies without are generated.
        without_masks: Sources, stems or subjects whose masks are not used.
        sets: Pathologies that are painted on each test person; `healthy` and `sham` are always added.
        annotated: Which of them is annotated: one direction for each, in which the other sets are never annotated.
        folds: Of how many parts of the people one is tested at a time.
        roles: In which proportions the others are on which side of Stage I and II; numbers, where they add up to them.
        copies: Painted scans of each annotated person.
        stratify: Columns of the dataset's participants in which the folds are to be alike.
        spacing_mm: Voxels of the painted scans.
    """

    hosts: str
    masks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without_masks: tuple[str, ...] = ()
    sets: tuple[str, ...] = ("tumour", "stroke")
    annotated: tuple[str, ...] = ("tumour",)
    folds: int = 3
    roles: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 1))
    copies: int = 1
    stratify: tuple[str, ...] = ()
    spacing_mm: float = 2.0
    title: str = "Lesions painted on people: known and unseen pathology"

    def __post_init__(self) -> None:
        """See `Methods`."""
        super().__post_init__()
        refuse_too_many(self.fewer_annotated, self.roles)
        if tuple(sorted(self.roles)) != tuple(sorted(ROLES)) or min(self.roles.values()) < 1:
            raise ValueError(
                f"roles {dict(self.roles)}, where at least one person is needed for each of {', '.join(ROLES)}"
            )
        if not self.annotated or not set(self.annotated) <= set(self.sets):
            raise ValueError(f"annotated {self.annotated}, which are not some of the sets {self.sets}")
        if len(self.sets) < 2 or len(set(self.sets)) < len(self.sets) or set(CONTROLS) & set(self.sets):
            raise ValueError(f"sets {self.sets}, which are not two or more different pathologies")
        if not set(self.masks) <= set(self.sets):
            raise ValueError(f"masks of {', '.join(set(self.masks) - set(self.sets))}, which is no set")
        if self.folds < 2 or self.copies < 1:
            raise ValueError(f"folds {self.folds} and copies {self.copies}, which have to be 2 or more and 1 or more")

    @property
    def times(self) -> Times:
        """Stage I and what learns without annotations once a fold, the rest once a fold and direction.

        The folds' people are taken to be as many as the roles need; a sham is scored twice, with and without paint.
        """
        folds = len(self.seeds) * self.folds
        people = round(sum(self.roles.values()) * self.folds / (self.folds - 1))
        tested = len(self.seeds) * people * (len(self.sets) + len(CONTROLS) + 1)
        directions = len(self.annotated)
        return Times(folds, folds * directions, folds, directions * (tested + 2 * folds * self.roles["calibration"]))

    def unseen(self, annotated: str) -> tuple[str, ...]:
        """The sets that are never annotated in a direction."""
        return tuple(name for name in self.sets if name != annotated)

    def people(self, data: Path) -> list[HostFiles]:
        """The hosts.

        Raises:
            CohortError: There are none, a label map is missing, or there are too few for the folds and roles.
        """
        hosts = find_hosts(data / self.hosts)
        refuse_too_few(data / self.hosts, "people", len(hosts), self.folds, self.roles)
        return hosts

    def mask_folders(self, data: Path) -> dict[str, list[Path]]:
        """Pathology -> folders of its lesion masks."""
        return {pathology: [data / folder for folder in folders] for pathology, folders in self.masks.items()}
