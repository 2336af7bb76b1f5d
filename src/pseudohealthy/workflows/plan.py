"""What an experiment on virtual brains consists of: a short YAML file, shipped by name or given by path."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.stages.reference import REFERENCES
from pseudohealthy.stages.shipped import load
from pseudohealthy.virtual.cohort import Group

CALIBRATION = (("calibration", False), ("calibration", True))
"""Healthy scans for the thresholds, annotated ones for the validation of Stage II."""


@dataclass(frozen=True)
class Plan:
    """A virtual experiment.

    Attributes:
        groups: How many virtual subjects of which pathology on which side of the split.
        recipe: Training recipe.
        segmenters: Stage II networks that are trained; the first is the main model.
        references: What stands for x^ in further trainings of the main one: `input`, `population` (controls).
        synthetic: Anomaly generator of one more training of the main one, without annotations, or `none`.
        known: Test sets of the annotated pathology.
        unseen: Test sets of pathologies that were never annotated.
        seeds: Seeds of cohort and training, one complete run each.
        title: Title of the page.
    """

    groups: tuple[Group, ...]
    recipe: str
    segmenters: tuple[str, ...] = ("unet_res", "unet")
    references: tuple[str, ...] = ()
    synthetic: str = "none"
    known: tuple[str, ...] = ("tumour",)
    unseen: tuple[str, ...] = ("stroke", "ms", "haemorrhage")
    seeds: tuple[int, ...] = (0,)
    title: str = "Simulated brains: known and unseen pathology"

    def __post_init__(self) -> None:
        """A plan that cannot end is refused before hours have gone into it."""
        for key, names, known in (
            ("segmenters", self.segmenters, SEGMENTERS),
            ("references", self.references, REFERENCES),
            ("synthetic", (self.synthetic,), ("none", *ANOMALIES)),
        ):
            unknown = [name for name in names if name not in known]
            if unknown:
                raise ValueError(f"{key} '{unknown[0]}', which is none of {', '.join(known)}")
        if not self.segmenters:
            raise ValueError("no segmenters")
        if not self.seeds or min(self.seeds) < 0:
            raise ValueError(f"seeds {self.seeds}, which are not one or more of 0, 1, 2, ...")
        filled = {(group.split, group.pathology != "healthy") for group in self.groups if group.n}
        for split, ill in (("train", False), ("validation", False), ("annotated", True), *CALIBRATION):
            if (split, ill) not in filled:
                raise ValueError(f"no {'annotated' if ill else 'healthy'} scans of the split '{split}'")
        if not {("test", False), ("test", True)} & filled:
            raise ValueError("no scans of the split 'test'")


def as_yaml(plan: Plan) -> str:
    """The plan, all defaults filled in, as YAML text that `load_plan` reads back."""
    return yaml.safe_dump(json.loads(json.dumps(dataclasses.asdict(plan))), sort_keys=False)


def load_plan(name: str | Path) -> Plan:
    """Read a plan.

    Raises:
        ConfigError: No such plan, unknown key or wrong type.
    """
    return load(Plan, "benchmark", "plan", name)
