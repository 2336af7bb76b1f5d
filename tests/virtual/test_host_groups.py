import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.virtual.cohort import Group
from pseudohealthy.virtual.host_groups import share_hosts
from pseudohealthy.virtual.painted_cohort import Wanted


def test_kinds_of_one_split_take_the_hosts_in_turn():
    wanted = share_hosts(["a", "b"], [Group("healthy", 2), Group("stroke", 3)])
    assert wanted == [
        *(Wanted("a", "healthy"), Wanted("b", "healthy")),
        *(Wanted("a", "stroke", 1), Wanted("b", "stroke", 1), Wanted("a", "stroke", 2)),
    ]


def test_each_split_has_hosts_of_its_own():
    groups = [Group("stroke", 2, "annotated"), Group("healthy", 2, "test"), Group("sham", 2, "test")]
    wanted = share_hosts(list("abcde"), groups)
    assert [(one.host, one.pathology) for one in wanted if one.split == "annotated"] == [
        ("a", "stroke"),
        ("b", "stroke"),
    ]
    assert {one.host for one in wanted if one.split == "test"} == {"c", "d"}
    with pytest.raises(CohortError, match="found 3; needed 4: no host may be on two sides"):
        share_hosts(list("abc"), groups)


def test_a_host_has_one_healthy_scan():
    with pytest.raises(CohortError, match="needed 3: one a healthy scan"):
        share_hosts(["a", "b"], [Group("healthy", 3)])
