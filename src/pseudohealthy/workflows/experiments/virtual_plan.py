"""What an experiment on virtual brains consists of: a short YAML file, shipped by name or given by path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from pseudohealthy.stages.shipped import load
from pseudohealthy.virtual.cohort import Group
from pseudohealthy.workflows.experiments.methods import Methods, Times

CALIBRATION = (("calibration", False), ("calibration", True))
"""Healthy scans for the thresholds, annotated ones for the validation of Stage II."""


@dataclass(frozen=True, kw_only=True)
class VirtualPlan(Methods):
    """A virtual experiment; each seed is a cohort of its own.

    Attributes:
        groups: How many virtual subjects of which pathology on which side of the split.
        known: Test sets of the annotated pathology.
        unseen: Test sets of pathologies that were never annotated.
        spacing_mm: Voxels of the scans.
    """

    groups: tuple[Group, ...]
    known: tuple[str, ...] = ("tumour",)
    unseen: tuple[str, ...] = ("stroke", "ms", "haemorrhage")
    spacing_mm: float = 2.0
    title: str = "Simulated brains: known and unseen pathology"
    later: ClassVar[tuple[str, ...]] = (*Methods.later, "spacing_mm")

    def __post_init__(self) -> None:
        """See `Methods`."""
        super().__post_init__()
        if self.fewer_annotated:
            raise ValueError("fewer_annotated, which plans with people alone can have")
        filled = {(group.split, group.pathology != "healthy") for group in self.groups if group.n}
        for split, ill in (("train", False), ("validation", False), ("annotated", True), *CALIBRATION):
            if (split, ill) not in filled:
                raise ValueError(f"no {'annotated' if ill else 'healthy'} scans of the split '{split}'")
        if not {("test", False), ("test", True)} & filled:
            raise ValueError("no scans of the split 'test'")
        tested = {group.pathology for group in self.groups if group.n and group.split == "test"}
        for key, names in (("known", self.known), ("unseen", self.unseen)):
            lacking = [name for name in names if name not in tested]
            if lacking and names != getattr(type(self), key):  # a default may name more than there is
                raise ValueError(f"{key} '{lacking[0]}', of which no group has scans of the split 'test'")

    @property
    def times(self) -> Times:
        """One training of each a seed; a sham is scored twice, with and without paint."""
        scored = sum(
            group.n * (2 if group.pathology == "sham" else 1)
            for group in self.groups
            if group.split in ("calibration", "test")
        )
        return replace(super().times, scored=len(self.seeds) * scored)


def load_plan(name: str | Path) -> VirtualPlan:
    """Read a plan.

    Raises:
        ConfigError: No such plan, unknown key or wrong type.
    """
    return load(VirtualPlan, "benchmark", "plan", name)
