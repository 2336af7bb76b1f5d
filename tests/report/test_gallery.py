from pseudohealthy.report.gallery import GalleryCase, choose, place_label


def case(title, test_set, **metrics):
    return GalleryCase(title, test_set, test_set, "", None, None, metrics)


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
