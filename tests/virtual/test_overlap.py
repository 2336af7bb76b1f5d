from pathlib import Path

import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Case
from pseudohealthy.virtual.overlap import overlaps


def cases(contrast, ml, depth=(10.0, 20.0, 30.0, 40.0)):
    rows = zip(contrast, ml, depth, strict=True)
    return [
        Case(f"c{i}", Path("x"), columns={"contrast": str(c), "lesion_ml": str(v), "depth_mm": str(d)})
        for i, (c, v, d) in enumerate(rows)
    ]


def test_overlap_is_one_minus_the_largest_distance_of_the_distribution_functions():
    known = cases([-0.1, -0.2, -0.3, -0.4], [10, 20, 40, 80])
    bright = cases([0.1, 0.2, 0.3, 0.4], [10, 20, 40, 80])
    quarter = cases([-0.1, -0.2, -0.3, 0.9], [1, 2, 3, 80])
    found = overlaps(known, {"bright": bright, "same": known, "quarter": quarter})
    assert [one.name for one in found] == ["same", "quarter", "bright"]
    same, other, far = found
    assert (same.contrast, same.volume, same.depth, same.least) == (1, 1, 1, 1)
    assert (other.contrast, other.volume, other.depth) == pytest.approx((0.75, 0.25, 1))
    assert (far.contrast, far.volume, far.least) == (0, 1, 0)


def test_sets_without_facts_are_refused():
    known = cases([-0.1, -0.2, -0.3, -0.4], [10, 20, 40, 80])
    with pytest.raises(CohortError, match="no cases"):
        overlaps(known, {"none": []})
    with pytest.raises(CohortError, match="no 'contrast'"):
        overlaps(known, {"bare": [Case("bare", Path("x"))]})
