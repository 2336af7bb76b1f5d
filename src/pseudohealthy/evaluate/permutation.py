"""How surprising a difference between two methods on the same persons is: sign-flip permutation test, and Holm.

Under the null hypothesis that the two rows are exchangeable within each person, the sign of each person's difference is
a coin (Fisher 1935, "The Design of Experiments", section 21). Nothing is assumed about the shape of the differences but
that they lie symmetrically about the null's value, which exchangeability implies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 16  # persons: 65,536 patterns of signs
DRAWS = 100_000
_CHUNK = 10_000  # patterns held at a time
_TIE = 1e-12  # of the largest possible sum: what rounding may take from a tie


def sign_flip_p(differences: Sequence[float], seed: int) -> float:
    """One-sided p of the mean: share of sign patterns whose mean is at least the observed one.

    All 2^n patterns for n <= 16; else 100,000 drawn ones, (b + 1) / (m + 1) (Phipson and Smyth 2010, equation 2).

    Args:
        differences: One a person, null value 0.
        seed: Seed of the draws; without effect where all patterns are counted.

    Raises:
        ValueError: There are no differences.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not values.size:
        raise ValueError("no differences")
    observed = values.sum()
    enough = observed - _TIE * np.abs(values).sum()
    if values.size <= EXACT_UP_TO:
        sums = _all_sums(values)
        return float(np.count_nonzero(sums >= enough) / sums.size)
    generator = np.random.default_rng(seed)
    beyond = 0
    for start in range(0, DRAWS, _CHUNK):
        plus = generator.integers(0, 2, (min(_CHUNK, DRAWS - start), values.size), dtype=np.int8)
        beyond += int(np.count_nonzero(2.0 * (plus @ values) - observed >= enough))
    return (beyond + 1) / (DRAWS + 1)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Adjusted p values that bound the chance of any false finding in the family (Holm 1979), in the order given.

    Args:
        ps: One a claim; None is no test, and counts for nothing.
    """
    tested = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    adjusted: list[float | None] = [None] * len(ps)
    highest = 0.0
    for rank, (p, place) in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - rank) * p))
        adjusted[place] = highest
    return adjusted


def _all_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums of all 2^n patterns of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums
