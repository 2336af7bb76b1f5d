import pytest

from pseudohealthy.evaluate.persons import person_differences, person_means, scan_values
from pseudohealthy.evaluate.table import CaseResult


def scan(row, test_set, case, person, value, grid="native"):
    return CaseResult(row, test_set, case, person, grid, {"auprc": value})


def test_a_person_with_three_lesions_counts_once():
    cases = [scan("a", "ms", f"p{lesion}", "p", value) for lesion, value in enumerate((0.1, 0.2, 0.6))]
    cases += [scan("a", "ms", "q0", "q", 0.5)]
    assert person_means(scan_values(cases, "a", "ms", "auprc")) == pytest.approx({"p": 0.3, "q": 0.5})


def test_model_seeds_are_averaged_before_lesions():
    # the first lesion was scored under two seeds, the second under one: each lesion has one weight
    cases = [scan("a", "ms", "one", "p", 0.0), scan("a", "ms", "one", "p", 0.4), scan("a", "ms", "two", "p", 0.8)]
    assert scan_values(cases, "a", "ms", "auprc") == pytest.approx({("p", "one"): 0.2, ("p", "two"): 0.8})
    assert person_means(scan_values(cases, "a", "ms", "auprc")) == pytest.approx({"p": 0.5})


def test_lesions_then_sets_each_set_has_one_weight():
    cases = [scan("b", test_set, case, "p", 0.0) for test_set, case in (("ms", "1"), ("ms", "2"), ("stroke", "3"))]
    cases += [scan("a", "ms", "1", "p", 0.2), scan("a", "ms", "2", "p", 0.4), scan("a", "stroke", "3", "p", 0.9)]
    found = person_differences(cases, "a", "b", ("ms", "stroke"), "auprc")
    assert found.values == pytest.approx({"p": 0.6})  # the mean of three lesions would be 0.5


def test_a_person_who_lacks_a_set_is_left_out_and_counted():
    cases = [
        scan(row, test_set, f"{person}-{test_set}", person, 0.5)
        for row, test_set, person in (
            ("a", "ms", "p"),
            ("b", "ms", "p"),
            ("a", "stroke", "p"),
            ("b", "stroke", "p"),
            ("a", "ms", "q"),
            ("b", "ms", "q"),  # no stroke
            ("a", "ms", "r"),
            ("b", "ms", "r"),
            ("a", "stroke", "r"),  # the second row has no stroke
            ("a", "tumour", "s"),
            ("b", "tumour", "s"),  # not asked for
        )
    ]
    found = person_differences(cases, "a", "b", ("ms", "stroke"), "auprc")
    assert (list(found.values), found.left_out) == (["p"], 2)


def test_scans_that_one_row_lacks_or_has_no_value_for_count_for_neither():
    cases = [scan("a", "ms", case, "p", value) for case, value in (("1", 0.4), ("2", 0.9), ("3", None), ("4", 0.8))]
    cases += [scan("b", "ms", case, "p", value) for case, value in (("1", 0.3), ("3", 0.1), ("4", None))]
    assert person_differences(cases, "a", "b", ("ms",), "auprc").values == pytest.approx({"p": 0.1})
    only_undefined = [case for case in cases if case.case == "3"]
    assert person_differences(only_undefined, "a", "b", ("ms",), "auprc").values == {}


def test_the_other_grid_is_another_table():
    cases = [scan("a", "ms", "1", "p", 0.4), scan("a", "ms", "1", "p", 0.9, grid="model")]
    assert scan_values(cases, "a", "ms", "auprc") == {("p", "1"): 0.4}
