"""What every plan has: which networks are trained, how, and with which seeds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.errors import CohortError
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.stages.reference import REFERENCES
from pseudohealthy.workflows.experiments.trainings import Training


@dataclass(frozen=True, kw_only=True)
class Methods:
    """What every experiment has.

    Attributes:
        recipe: Training recipe.
        segmenters: Stage II networks that are trained; the first is the main model.
        references: What stands for x^ in further trainings of the main one: `input`, `population` (controls).
        synthetic: Anomaly generator of one more training of the main one, without annotations, or `none`.
        seeds: One complete run each.
        title: Title of the page.
    """

    recipe: str
    segmenters: tuple[str, ...] = ("unet_res", "unet")
    references: tuple[str, ...] = ()
    synthetic: str = "none"
    seeds: tuple[int, ...] = (0,)
    title: str = "Known and unseen pathology"

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

    @property
    def trainings(self) -> tuple[Training, ...]:
        """Every segmenter, then the controls of the first, then its self-supervised variant."""
        main = self.segmenters[0]
        return (
            *(Training(name) for name in self.segmenters),
            *(Training(main, reference) for reference in self.references),
            *([Training(main, synthetic=self.synthetic)] if self.synthetic != "none" else []),
        )


def as_yaml(plan: Methods) -> str:
    """The plan, all defaults filled in, as YAML text that can be read back as a plan."""
    return yaml.safe_dump(json.loads(json.dumps(dataclasses.asdict(plan))), sort_keys=False)


def refuse_too_few(dataset: Path, who: str, n: int, folds: int, roles: Mapping[str, int]) -> None:
    """Refuse a cross-validation for which there are not enough people.

    Args:
        dataset: Where they are.
        who: What to call them, such as `patients`.
        n: How many there are.
        folds: Of how many parts one is tested at a time.
        roles: How many of the others are needed for what.

    Raises:
        CohortError: They are too few.
    """
    rest, needed = n - -(-n // folds), sum(roles.values())
    if rest < needed:
        raise CohortError(
            dataset,
            found=f"{n} {who}, of whom {rest} are not tested in a fold",
            needed=f"at least {needed}: {', '.join(f'{count} {role}' for role, count in roles.items())}",
            fix=f"Lower the numbers under 'roles', raise 'folds', or add {who}.",
        )
