"""Published results of the paper's methods, and how far an order of methods agrees with theirs.

Behrendt et al., MIDL 2024 (PMLR 250:87-102, CC-BY 4.0), Table 1, block I: the methods that learn from healthy scans
alone, on T1-weighted scans, mean over five folds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy.stats import kendalltau

BRATS, ATLAS = "BraTS21", "ATLAS"
SETS = {"tumour": BRATS, "glioma": BRATS, "stroke": ATLAS}
"""Test set -> the published one with the same kind of lesion."""

DICE_ORACLE = {
    "ae": {BRATS: 0.3916, ATLAS: 0.1414},
    "vae": {BRATS: 0.3925, ATLAS: 0.1452},
    "dae": {BRATS: 0.5593, ATLAS: 0.1995},
    "fae": {BRATS: 0.4304, ATLAS: 0.1759},
    "rd": {BRATS: 0.3290, ATLAS: 0.1945},
    "ddpm": {BRATS: 0.4865, ATLAS: 0.1786},
    "pddpm": {BRATS: 0.5593, ATLAS: 0.2179},
    "cddpm": {BRATS: 0.5855, ATLAS: 0.2474},
}
"""Row -> published set -> mean best Dice of each scan."""

FEWEST = 4
"""Of fewer methods an order says nothing: any two of three are in one of six."""


@dataclass(frozen=True)
class Agreement:
    """How far our order of the unsupervised methods agrees with the published one.

    Attributes:
        test_set: Ours.
        published: Theirs.
        methods: The methods that both have.
        tau: Kendall's tau-b, 1 for the same order, 0 for none, -1 for the reverse; None where all of ours are equal.
        p: Two-sided p of no agreement; None as above.
    """

    test_set: str
    published: str
    methods: tuple[str, ...]
    tau: float | None
    p: float | None


def agreements(results: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Agreement]:
    """Agreement on every test set that has a published counterpart, by mean best Dice.

    Args:
        results: {row: {test_set: {"dice_oracle": mean or None, ...}}}.
    """
    found = []
    for test_set in dict.fromkeys(name for sets in results.values() for name in sets if name in SETS):
        published = SETS[test_set]
        ours = {row: results.get(row, {}).get(test_set, {}).get("dice_oracle") for row in DICE_ORACLE}
        methods = tuple(row for row, value in ours.items() if value is not None)
        if len(methods) < FEWEST:
            continue
        tau, p = kendalltau([ours[row] for row in methods], [DICE_ORACLE[row][published] for row in methods])
        defined = tau == tau  # NaN where all values are equal
        found.append(
            Agreement(test_set, published, methods, float(tau) if defined else None, float(p) if defined else None)
        )
    return found
