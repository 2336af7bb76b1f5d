"""What every plan has: which networks are trained, how, and with which seeds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.errors import CohortError
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.stages.reference import REFERENCES
from pseudohealthy.workflows.experiments.trainings import Training

OWN = ("reconstructor.settings.", "reconstructor_training.", "augment.")
"""What may be other for one method: not the grid, the score or the thresholds, by which the rows are compared."""


@dataclass(frozen=True)
class Times:
    """How often a plan does what.

    Attributes:
        stage_1: Trainings of each method of Stage I.
        annotated: Trainings of each segmenter on annotated scans.
        unannotated: Trainings of each segmenter on painted anomalies.
        scored: Scans that each row is calibrated and tested on; 0 where the data alone can say.
    """

    stage_1: int
    annotated: int
    unannotated: int
    scored: int


@dataclass(frozen=True, kw_only=True)
class Methods:
    """What every experiment has.

    Attributes:
        recipe: Training recipe.
        segmenters: Stage II networks that are trained; the first is the main model.
        references: What stands for x^ in further trainings of the main one: `input`, `population` (controls).
        synthetic: Anomaly generator of one more training of the main one, without annotations, or `none`.
        synthetic_segmenters: Which segmenters learn from `synthetic`; none named is the main one alone.
        unsupervised: Further methods of Stage I, each trained and tested as a row of its own (`unsupervised.py`).
        methods: Method of `unsupervised` -> keys of the recipe that are other for it, with dots between their levels.
        fewer_annotated: With how few annotated people the main network is trained besides (`fewer_annotated.py`).
        seeds: One complete run each.
        title: Title of the page.
        later: Keys that came after the first runs.
    """

    recipe: str
    segmenters: tuple[str, ...] = ("unet_res", "unet")
    references: tuple[str, ...] = ()
    synthetic: str = "none"
    synthetic_segmenters: tuple[str, ...] = ()
    unsupervised: tuple[str, ...] = ()
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fewer_annotated: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0,)
    title: str = "Known and unseen pathology"
    later: ClassVar[tuple[str, ...]] = ("synthetic_segmenters", "unsupervised", "methods", "fewer_annotated")

    def __post_init__(self) -> None:
        """A plan that cannot end is refused before hours have gone into it."""
        for key, names, known in (
            ("segmenters", self.segmenters, SEGMENTERS),
            ("references", self.references, REFERENCES),
            ("synthetic", (self.synthetic,), ("none", *ANOMALIES)),
            ("synthetic_segmenters", self.synthetic_segmenters, self.segmenters if self.synthetic != "none" else ()),
            ("unsupervised", self.unsupervised, RECONSTRUCTORS),
            ("methods", self.methods, self.unsupervised),
        ):
            unknown = [name for name in names if name not in known]
            if unknown:
                raise ValueError(f"{key} '{unknown[0]}', which is none of {', '.join(known) or '(none)'}")
            if len(set(names)) < len(names):
                raise ValueError(f"{key} {tuple(names)}, where one stands twice")
        shared = [key for keys in self.methods.values() for key in keys if not key.startswith(OWN)]
        if shared:
            raise ValueError(f"the key '{shared[0]}' under 'methods', which does not begin with {', '.join(OWN)}")
        if self.fewer_annotated and min(self.fewer_annotated) < 1:
            raise ValueError(f"fewer_annotated {self.fewer_annotated}, where one person or more is needed")
        if not self.segmenters:
            raise ValueError("no segmenters")
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {self.seeds}, which are not one or more of 0, 1, 2, ..., each once")

    @property
    def times(self) -> Times:
        """One training of each a seed."""
        return Times(len(self.seeds), len(self.seeds), len(self.seeds), 0)

    @property
    def trainings(self) -> tuple[Training, ...]:
        """Every segmenter, then the controls of the first, then its self-supervised variant."""
        main = self.segmenters[0]
        return (
            *(Training(name) for name in self.segmenters),
            *(Training(main, reference) for reference in self.references),
            *(Training(name, synthetic=self.synthetic) for name in self._synthetic_segmenters),
        )

    @property
    def _synthetic_segmenters(self) -> tuple[str, ...]:
        return () if self.synthetic == "none" else self.synthetic_segmenters or self.segmenters[:1]


def as_yaml(plan: Methods) -> str:
    """The plan, all defaults filled in, as YAML text that can be read back as a plan.

    Keys of `later` are left out where they have their defaults, so that a run that was begun without them goes on.
    """
    content = dataclasses.asdict(plan)
    for key in dataclasses.fields(plan):
        default = key.default if key.default_factory is dataclasses.MISSING else key.default_factory()
        if key.name in plan.later and content[key.name] == default:
            del content[key.name]
    return yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False)


def refuse_too_few(dataset: Path | str, who: str, n: int, folds: int, roles: Mapping[str, int]) -> None:
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


def refuse_too_many(fewer: Sequence[int], roles: Mapping[str, int]) -> None:
    """Refuse numbers of annotated people that are not fewer than there are.

    Raises:
        ValueError: One is not.
    """
    if fewer and max(fewer) >= roles.get("annotated", 0):
        raise ValueError(f"fewer_annotated {tuple(fewer)}, which are not all below the annotated people under 'roles'")
