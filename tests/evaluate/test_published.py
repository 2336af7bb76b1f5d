"""The order of methods against the published one."""

from __future__ import annotations

import pytest

from pseudohealthy.evaluate.published import ATLAS, DICE_ORACLE, agreements


def results_of(value, test_set="stroke"):
    return {row: {test_set: {"dice_oracle": value(row)}} for row in DICE_ORACLE}


def test_the_same_order_agrees_fully_the_reverse_not_at_all_and_one_swap_by_its_pairs() -> None:
    published = {row: sets[ATLAS] for row, sets in DICE_ORACLE.items()}
    assert agreements(results_of(published.get))[0].tau == pytest.approx(1)
    assert agreements(results_of(lambda row: -published[row]))[0].tau == pytest.approx(-1)
    swapped = published | {"cddpm": published["pddpm"], "pddpm": published["cddpm"]}
    assert agreements(results_of(swapped.get))[0].tau == pytest.approx(1 - 2 / 28)  # one of 28 pairs


def test_what_was_not_measured_or_has_no_published_counterpart_is_left_out() -> None:
    measured = results_of(lambda row: None if row in ("ae", "vae") else DICE_ORACLE[row][ATLAS])
    (found,) = agreements(measured | {"zmap": {"ms": {"dice_oracle": 0.5}}})
    assert (found.test_set, len(found.methods)) == ("stroke", 6)
    assert agreements(results_of(lambda row: 1.0, "ms")) == []
    assert agreements(results_of(lambda row: 1.0))[0].tau is None  # all equal: there is no order
