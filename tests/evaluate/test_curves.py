import numpy as np
import pytest

from pseudohealthy.evaluate.curves import (
    against_annotated,
    against_beta,
    against_volume,
    annotated_methods,
    on_healthy,
)
from pseudohealthy.evaluate.statistics import bootstrap_mean
from pseudohealthy.evaluate.table import CaseResult


def scan(row, test_set, case, person, **metrics):
    return CaseResult(row, test_set, case, person, "native", metrics)


def of_persons(row, test_set, values):
    return [scan(row, test_set, f"scan-{i}", f"person-{i}", auprc=value) for i, value in enumerate(values)]


def test_beta_is_read_from_the_row_and_points_stand_in_its_order():
    cases = of_persons("beta=1.0", "ms", [0.1, 0.3]) + of_persons("beta=0.25", "ms", [0.5, 0.7])
    cases += of_persons("sadm_res", "ms", [0.9, 0.9]) + of_persons("beta=0.25", "stroke", [0.0, 0.0])
    points = against_beta(cases, "ms")
    assert [(point.x, point.estimate.mean) for point in points] == [(0.25, pytest.approx(0.6)), (1.0, 0.2)]
    assert points[0].estimate == bootstrap_mean([0.5, 0.7], range(2), 0).within(0.0, 1.0)
    assert against_beta(cases, "wmh") == against_beta(of_persons("beta=x", "ms", [0.1]), "ms") == []


def test_the_number_of_annotated_scans_is_read_from_the_row():
    cases = of_persons("sadm_res@10", "ms", [0.4]) + of_persons("sadm_res@2", "ms", [0.2])
    cases += of_persons("unet@2", "ms", [0.1]) + of_persons("unet", "ms", [0.9]) + of_persons("unet@5", "ms", [None])
    assert annotated_methods(cases) == ["sadm_res", "unet"]
    assert [(p.x, p.estimate.mean) for p in against_annotated(cases, "sadm_res", "ms")] == [(2, 0.2), (10, 0.4)]
    assert [p.x for p in against_annotated(cases, "unet", "ms")] == [2]  # where it is undefined there is no point


def test_a_point_counts_persons_and_not_their_lesions():
    cases = [
        scan("beta=0.5", "ms", str(i), person, auprc=value)
        for i, (person, value) in enumerate((("p", 0.0), ("p", 0.2), ("p", 0.4), ("q", 0.8)))
    ]
    (point,) = against_beta(cases, "ms")
    assert (point.estimate.mean, point.estimate.subjects) == (pytest.approx(0.5), 2)


def test_thirds_by_volume_have_the_median_over_persons():
    volumes, values = [9, 1, 2, 8, 5, 4], [0.9, 0.1, 0.3, 0.7, 0.5, 0.6]
    cases = [
        scan("cddpm", "ms" if i % 2 else "stroke", "same name", f"p{i}", lesion_ml=volume, dice_oracle=value)
        for i, (volume, value) in enumerate(zip(volumes, values, strict=True))
    ]
    cases.append(scan("cddpm", "ms", "healthy", "p9", lesion_ml=0.0, dice_oracle=None))
    found = against_volume(cases, "cddpm", ("ms", "stroke"))
    assert [each.volume_ml for each in found.scans] == [1, 2, 4, 5, 8, 9]
    assert [each.value for each in found.scans] == [0.1, 0.3, 0.6, 0.5, 0.7, 0.9]
    assert [(each.low_ml, each.high_ml) for each in found.tertiles] == [(1, 2), (4, 5), (8, 9)]
    assert [each.median.mean for each in found.tertiles] == pytest.approx([0.2, 0.55, 0.8])
    assert all(each.median.interval is None for each in found.tertiles)  # of two persons each


def test_a_person_has_one_voice_in_the_median_of_a_third():
    cases = [
        scan("a", "ms", f"{i}", person, lesion_ml=1.0 + i, dice_oracle=value)
        for i, (person, value) in enumerate(
            [("p", 0.0), ("p", 0.0), ("p", 0.3), ("q", 0.5), ("r", 0.6)] + [("s", 0.9)] * 10
        )
    ]
    (small, _, _) = against_volume(cases, "a", ("ms",)).tertiles
    assert (small.median.mean, small.median.subjects) == (pytest.approx(0.5), 3)  # of the five scans it would be 0.3


def test_two_scans_have_no_thirds_and_no_scans_no_points():
    cases = [scan("a", "ms", f"{i}", f"{i}", lesion_ml=1.0 + i, dice_oracle=0.5) for i in range(2)]
    assert (len(against_volume(cases, "a", ("ms",)).scans), against_volume(cases, "a", ("ms",)).tertiles) == (2, ())
    assert against_volume(cases, "a", ("stroke",)).scans == ()


def test_healthy_scans_are_listed_one_by_one_over_seeds():
    cases = [
        scan("a", "healthy", name, person, fp_ml=value)
        for name, person, value in (("one", "p", 1.0), ("one", "p", 3.0), ("two", "p", 4.0), ("three", "q", 5.0))
    ]
    found = on_healthy(cases, "a")
    assert found.values == (2.0, 4.0, 5.0)
    assert found.estimate.mean == pytest.approx(np.mean([3.0, 5.0]))
    assert on_healthy([scan("constant", "healthy", "one", "p", fp_ml=None)], "constant") is None
