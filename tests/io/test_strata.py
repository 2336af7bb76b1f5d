from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.splits import fold_by_group, refuse_leaks, split_by_group
from pseudohealthy.io.strata import labels_of

SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}


def people(count=80, seed=0, visits=1):
    """Ages that depend on the site, as they do in real cohorts, and a rare pathology."""
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(count):
        site = ("Guys", "HH", "IOP")[int(rng.choice(3, p=(0.6, 0.3, 0.1)))]
        age = f"{rng.normal({'Guys': 45, 'HH': 60, 'IOP': 30}[site], 9):.1f}"
        for visit in range(visits):
            name = f"p{number:03d}v{visit}"
            columns = {"age": age, "site": site}
            cases.append(
                Case(
                    name,
                    Path(name),
                    subject=f"p{number:03d}",
                    pathology="ms" if number % 9 == 0 else "healthy",
                    columns=columns,
                )
            )
    return Cohort(cases)


def sites(cohort):
    return Counter(case.columns["site"] for case in cohort)


@pytest.mark.parametrize("visits", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_each_side_gets_its_share_of_every_site_age_and_pathology(seed, visits):
    cohort = people(visits=visits)
    divided = split_by_group(cohort, SHARES, seed, ["site", "age", "pathology"])
    refuse_leaks(divided.sides())
    for column in (lambda case: case.columns["site"], lambda case: case.pathology):
        whole = Counter(column(case) for case in cohort)
        for name, share in SHARES.items():
            found = Counter(column(case) for case in divided.split(name))
            assert all(abs(found[value] - share * count) <= 2 * visits for value, count in whole.items())
    ages = [np.mean([float(case.columns["age"]) for case in side]) for side in divided.sides().values()]
    assert max(ages) - min(ages) < 5
    assert all(abs(len(divided.split(name)) - share * len(cohort)) <= 3 * visits for name, share in SHARES.items())


def test_without_strata_the_sides_are_less_alike():
    def unevenness(stratify):
        return sum(
            abs(sites(split_by_group(people(), SHARES, seed, stratify).split("test"))[site] - count / 4)
            for seed in range(10)
            for site, count in sites(people()).items()
        )

    assert unevenness(["site"]) < unevenness([]) / 3


def test_the_division_follows_from_cases_and_seed_not_from_their_order():
    def sides(cohort, seed):
        return {case.name: case.split for case in split_by_group(cohort, SHARES, seed, ["age", "site"])}

    assert sides(people(), 3) == sides(Cohort(reversed(people())), 3)
    assert len({tuple(sides(people(), seed).values()) for seed in range(5)}) == 5


def test_folds_are_alike_whole_and_without_the_held_out():
    cohort = split_by_group(people(), {"train": 0.75, "test": 0.25}, 0, ["site"])
    folded = fold_by_group(cohort, 5, 1, ["site"])
    assert [case.name for case in folded] == [case.name for case in cohort]
    assert all("fold" not in case.columns for case in folded.split("test"))
    counts = Counter(case.columns["fold"] for case in folded.split("train"))
    assert set(counts) == set("01234")
    assert max(counts.values()) - min(counts.values()) <= 3
    guys = Counter(case.columns["fold"] for case in folded.split("train") if case.columns["site"] == "Guys")
    assert max(guys.values()) - min(guys.values()) <= 1


@pytest.mark.parametrize(("folds", "found"), [(1, "folds: found 1"), (90, "80 groups of cases")])
def test_folds_that_cannot_be_made_are_refused(folds, found):
    with pytest.raises(CohortError, match=found):
        fold_by_group(people(), folds, 0)


def test_numbers_are_cut_into_bins_of_equal_size_and_missing_values_are_a_stratum():
    values = [*(str(number) for number in range(40)), "", ""]
    cohort = Cohort(Case(f"c{n:02d}", Path("x"), columns={"age": value}) for n, value in enumerate(values))
    labels = labels_of(cohort, ["age"], 2)
    assert Counter(label for case in labels.values() for label in case) == {
        **{("age", f"bin {number}"): 10 for number in (1, 2, 3, 4)},
        ("age", "unknown"): 2,
    }
    assert labels["c00"] == (("age", "bin 1"),)
    few = Cohort(list(cohort)[:9])
    assert len(set(labels_of(few, ["age"], 3).values())) == 2


def test_a_column_without_values_is_refused_with_the_columns_that_there_are():
    with pytest.raises(CohortError, match=r"no value in any case; needed .* Columns are: age, site"):
        split_by_group(people(), SHARES, 0, ["lesion_ml"])


def test_pairs_that_go_together_do():
    pairs = [("p000v0", "p001v0"), ("p001v0", "p002v0"), ("p010v0", "p011v0")]
    for seed in range(5):
        for stratify in ([], ["site"]):
            side = {c.name: c.split for c in split_by_group(people(), SHARES, seed, stratify, pairs)}
            assert all(side[first] == side[second] for first, second in pairs)
