import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.virtual.cohort import Group
from pseudohealthy.virtual.host_groups import share_hosts
from pseudohealthy.virtual.painted_cohort import Wanted


def test_kinds_of_one_split_take_the_hosts_in_turn():
    wanted = share_hosts({"a": "a", "b": "b"}, [Group("healthy", 2), Group("stroke", 3)])
    assert wanted == [
        *(Wanted("a", "healthy"), Wanted("b", "healthy")),
        *(Wanted("a", "stroke", 1), Wanted("b", "stroke", 1), Wanted("a", "stroke", 2)),
    ]


def test_each_split_has_hosts_of_its_own():
    groups = [Group("stroke", 2, "annotated"), Group("healthy", 2, "test"), Group("sham", 2, "test")]
    wanted = share_hosts(dict(zip("abcde", "abcde", strict=True)), groups)
    assert [(one.host, one.pathology) for one in wanted if one.split == "annotated"] == [
        ("a", "stroke"),
        ("b", "stroke"),
    ]
    assert {one.host for one in wanted if one.split == "test"} == {"c", "d"}
    with pytest.raises(CohortError, match="found 3 of 3 subjects; needed 4: nobody may be on two sides"):
        share_hosts(dict(zip("abc", "abc", strict=True)), groups)


def test_a_host_has_one_healthy_scan():
    with pytest.raises(CohortError, match="needed 3: one a healthy scan"):
        share_hosts({"a": "a", "b": "b"}, [Group("healthy", 3)])


def test_a_person_s_other_scan_goes_to_no_other_split():
    visits = {"a1": "a", "a2": "a", "b1": "b"}
    wanted = share_hosts(visits, [Group("healthy", 1, "train"), Group("tumour", 1, "test")])
    assert [one.host for one in wanted] == ["a1", "b1"]
    with pytest.raises(CohortError, match="found 3 of 2 subjects; needed 3"):
        share_hosts(visits, [Group("healthy", 1, "train"), Group("tumour", 2, "test")])
