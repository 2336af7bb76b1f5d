from dataclasses import replace

import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.gallery import MOST_FAILURES, GalleryCase, choose, place_label
from pseudohealthy.report.gallery_files import read_gallery, write_gallery
from pseudohealthy.score.thresholds import Threshold

THRESHOLD = Threshold(0.5, "healthy", 4, "n = 4: no guarantee below 20 %", 1.0, 0.2, per_scan=(0.4, 0.5))


def case(title, test_set, **metrics):
    return GalleryCase(title, test_set, "", "sadm_res", THRESHOLD, metrics)


def titles(cases):
    return [(one.title, one.place) for one in cases]


def test_the_best_and_the_worst_of_each_set_are_chosen_by_the_best_dice():
    cases = [
        case("a", "tumour", dice_oracle=0.5, fp_ml=0.0),
        case("x", "stroke", dice_oracle=0.1),
        case("b", "tumour", dice_oracle=0.8, fp_ml=9.0),
        case("c", "tumour", dice_oracle=0.2, fp_ml=1.0),
    ]
    assert titles(choose(cases)) == [("b", "best"), ("c", "worst"), ("x", "")]


def test_scans_with_nothing_to_find_are_chosen_by_what_is_marked():
    for name in ("healthy", "sham"):
        cases = [case("a", name, dice_oracle=0.9, fp_ml=4.0), case("b", name, dice_oracle=None, fp_ml=0.5)]
        assert titles(choose(cases)) == [("b", "best"), ("a", "worst")]


def test_a_case_without_any_number_is_the_worst():
    cases = [case("a", "ms", dice_oracle=None), case("b", "ms", dice_oracle=0.0), case("c", "ms", dice_oracle=0.1)]
    assert titles(choose(cases)) == [("c", "best"), ("a", "worst")]


def test_choosing_twice_changes_nothing():
    cases = [case(str(number), "ms", dice_oracle=number / 9) for number in range(5)]
    once = choose(cases)
    assert titles(choose(once)) == titles(once)


def test_a_place_says_by_what():
    assert [
        place_label(one) for one in choose([case("a", "ms", dice_oracle=1.0), case("b", "ms", dice_oracle=0.0)])
    ] == [
        "best by ⌈Dice⌉",
        "worst by ⌈Dice⌉",
    ]
    healthy = choose([case("a", "healthy", fp_ml=1.0), case("b", "healthy", fp_ml=0.0)])
    assert [place_label(one) for one in healthy] == [
        "best: least marked without cause",
        "worst: most marked without cause",
    ]
    assert place_label(case("a", "ms")) == ""


def test_failures_follow_the_worst_of_each_set_before_the_next_of_any():
    cases = [case(f"ms-{number}", "ms", dice_oracle=number / 50, dice=number / 50) for number in range(9)]
    cases += [case(f"well-{ml}", "healthy", fp_ml=float(ml)) for ml in range(6)]
    chosen = choose(cases)
    # ms: 0 is the worst, 8 the best, from 0.1 on (5) no failure; healthy: 0 the best, 5 the worst, 1 ml no failure
    failures = [one.title for one in chosen if one.place == "failure"]
    assert failures == ["ms-1", "ms-2", "ms-3", "well-4", "well-3", "well-2"]
    assert len(failures) == MOST_FAILURES
    assert place_label(chosen[2]) == "failure"
    assert not [one for one in choose([case("a", "ms", dice_oracle=0.0)] * 3) if one.place == "failure"]  # no threshold


def test_what_is_dropped_on_the_way_would_not_be_chosen_at_the_end():
    import random

    cases = [case(f"ms-{number}", "ms", dice_oracle=number / 200, dice=number / 200) for number in range(20)]
    cases += [case(f"well-{ml}", "healthy", fp_ml=ml / 3) for ml in range(20)]
    for seed in range(20):
        random.Random(seed).shuffle(cases)
        kept = []
        for one in cases:
            kept = choose([*kept, one])
        assert sorted(titles(kept)) == sorted(titles(choose(cases)))


def test_a_gallery_survives_its_files(tmp_path):
    drawn = [
        replace(one, picture=Picture(one.title.encode(), "image/webp", 7, 5, "An alt."), page=tmp_path / "p" / "a.html")
        for one in choose([case("1/sub 01", "ms", dice_oracle=0.5), case("b", "ms", dice_oracle=None, fp_ml=1.5)])
    ]
    write_gallery(tmp_path / "out", drawn)
    again = read_gallery(tmp_path / "out")
    for before, after in zip(drawn, again, strict=True):
        assert vars(after) | {"page": before.page} == vars(before)
        assert after.page.resolve() == before.page.resolve()
    write_gallery(tmp_path / "out", drawn[1:])
    assert [file.name for file in (tmp_path / "out" / "pictures").iterdir()] == ["case-1.webp"]
    assert read_gallery(tmp_path) == []

    table = tmp_path / "out" / "gallery.json"
    text = table.read_text()
    for wrong in (text.replace("pictures/case", "../case"), text.replace("case-1.webp", "case-2.webp"), "[1]", "{"):
        table.write_text(wrong)
        with pytest.raises(CohortError):
            read_gallery(tmp_path / "out")
