"""How alike two sets of painted lesions are: whether an unseen kind is near the annotated one or far from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Case

FACTS = ("contrast", "lesion_ml", "depth_mm")


@dataclass(frozen=True)
class Overlap:
    """How far an unseen set's lesions look like the annotated set's, each from 0 (apart) to 1 (alike).

    Attributes:
        name: The unseen set.
        n: How many lesions it has.
        contrast: Of the contrast to the tissue that was there.
        volume: Of the volume; the measure is the same for its logarithm.
        depth: Of the depth below the brain's surface.
    """

    name: str
    n: int
    contrast: float
    volume: float
    depth: float

    @property
    def least(self) -> float:
        """The smallest of the three: one look that the annotated lesions do not have is enough to be far."""
        return min(self.contrast, self.volume, self.depth)


def overlaps(annotated: Sequence[Case], unseen: Mapping[str, Sequence[Case]]) -> list[Overlap]:
    """Compare each unseen set with the annotated one, the nearest first.

    The overlap of two sets is 1 - D, D the largest distance of their empirical distribution functions (the two-sample
    Kolmogorov-Smirnov statistic): unlike a histogram's it needs no bins. Sets of n and m values drawn from the same
    distribution reach about 1 - 0.87 sqrt(1 / n + 1 / m).

    Args:
        annotated: Cases with lesions and the columns `contrast`, `lesion_ml` and `depth_mm`, as `paint_cohort` writes
            them.
        unseen: Name -> such cases.

    Raises:
        CohortError: An empty set, or a case without one of the columns.
    """
    known = _facts("annotated", annotated)
    found = []
    for name, cases in unseen.items():
        here = _facts(name, cases)
        shares = [1 - float(stats.ks_2samp(known[key], here[key], method="asymp").statistic) for key in FACTS]
        found.append(Overlap(name, len(cases), *shares))
    return sorted(found, key=lambda one: -one.least)


def _facts(name: str, cases: Sequence[Case]) -> dict[str, list[float]]:
    if not cases:
        raise CohortError(name, found="no cases", needed="cases with lesions", fix="Leave the set out.")
    for case in cases:
        missing = [key for key in FACTS if not case.columns.get(key)]
        if missing:
            raise CohortError(
                f"case {case.name}",
                found=f"no {missing[0]!r}",
                needed=f"the columns {', '.join(FACTS)}",
                fix="Take the cohort table that was written with the painted lesions.",
            )
    return {key: [float(case.columns[key]) for case in cases] for key in FACTS}
