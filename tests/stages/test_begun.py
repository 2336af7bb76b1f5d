"""What differs between the call that began a run and the one that would resume it."""

from __future__ import annotations

from pseudohealthy.stages.begun import recipe_changes, scan_changes, spelt_out


def test_a_changed_key_is_named_with_both_values():
    begun = "score:\n  beta: 0.5\n  map: ssim\ngrid: small\n"
    now = "score: {beta: 0.3, map: ssim}\ngrid: small\n"
    assert recipe_changes(begun, now) == ["score.beta was 0.5 and is 0.3"]


def test_the_same_in_another_spelling_is_no_change():
    assert recipe_changes("rate: 0.0001\nsets: [a, b]\n", "sets:\n- a\n- b\nrate: 1.0e-4\n") == []


def test_a_key_of_one_side_alone_is_a_change_even_without_a_value():
    assert recipe_changes("grid: small\n", "grid: small\nloss: null\n") == ["loss was absent and is null"]
    assert recipe_changes("grid: small\nfewer: {}\n", "grid: small\n") == ["fewer was {} and is absent"]


def test_a_section_that_became_a_value_is_told_by_its_keys():
    assert recipe_changes("noise: {kind: simplex}\n", "noise: none\n") == [
        "noise.kind was simplex and is absent",
        "noise was absent and is none",
    ]


def test_scans_are_new_gone_or_changed():
    begun, now = {"sub-01": "aa", "sub-02": "bb", "sub-03": "cc"}, {"sub-01": "aa", "sub-03": "dd", "sub-04": "ee"}
    assert scan_changes(begun, now) == ["sub-02 is missing", "sub-03 is another", "sub-04 was not there"]
    assert scan_changes(now, now) == []


def test_three_changes_are_spelt_out_and_the_others_counted():
    assert spelt_out(["a", "b", "c"]) == "a, b, c"
    assert spelt_out(["a", "b", "c", "d", "e"]) == "a, b, c, 2 more"
