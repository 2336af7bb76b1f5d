import json
import math
from dataclasses import replace

import pytest
from scipy import stats

from pseudohealthy.errors import CohortError
from pseudohealthy.evaluate.table import CaseResult, read_cases, scored_by, summarise, write_cases


def cases() -> list[CaseResult]:
    made = []
    for row, gain in (("cddpm", 0.0), ("sadm_res", 0.1)):
        for i in range(4):
            volumes = {"dice": 0.3 + gain + 0.1 * i, "hd95_mm": None if i == 0 else 7.5, "volume_ml": 3.0 + i}
            made.append(CaseResult(row, "tumour", f"sub-{i}", f"p{i}", "native", volumes))
            coarse = {"dice": 0.9, "hd95_mm": None, "volume_ml": 1.0}
            made.append(CaseResult(row, "tumour", f"sub-{i}", f"p{i}", "model", coarse))
            healthy = {"dice": None, "hd95_mm": None, "volume_ml": 0.5 + i}
            made.append(CaseResult(row, "healthy", f"sub-h{i}", f"h{i}", "native", healthy))
    return made


def test_results_have_a_value_an_interval_and_counts_for_every_metric():
    results = summarise(cases())
    assert list(results) == ["cddpm", "sadm_res"]
    assert list(results["cddpm"]) == ["tumour", "healthy"]
    cell = results["sadm_res"]["tumour"]
    assert cell["n"] == 4
    assert cell["dice"] == pytest.approx(0.55)
    assert cell["dice_ci"] == pytest.approx(stats.t.interval(0.95, 3, 0.55, stats.sem([0.4, 0.5, 0.6, 0.7])))
    assert (cell["hd95_mm"], cell["hd95_mm_n"], cell["dice_n"]) == (7.5, 3, 4)


def test_intervals_keep_to_what_a_metric_can_be():
    low = {"fp_ml": (0.1, 0.2, 30.0), "dice": (0.1, 0.9, 0.95), "volume_error_ml": (0.1, 0.2, 30.0)}
    scans = [
        CaseResult("zmap", "ms", str(i), str(i), "native", {metric: values[i] for metric, values in low.items()})
        for i in range(3)
    ]
    cell = summarise(scans)["zmap"]["ms"]
    assert (cell["fp_ml_ci"][0], *cell["dice_ci"]) == (0.0, 0.0, 1.0)
    assert cell["fp_ml_ci"][1] == cell["volume_error_ml_ci"][1] > 30
    assert cell["volume_error_ml_ci"][0] < 0


def test_scans_are_compared_within_the_model_that_scored_them_and_its_name_is_kept(tmp_path):
    pooled = [
        *scored_by(cases(), "Seed 1"),
        *scored_by(
            [replace(case, metrics={"volume_ml": 100 * case.metrics["volume_ml"]}) for case in cases()], "Seed 2"
        ),
    ]
    write_cases(pooled, tmp_path / "cases.tsv")
    assert [case.model for case in read_cases(tmp_path / "cases.tsv")] == [case.model for case in pooled]
    one, both = (summarise(some)["cddpm"]["tumour"]["image_auroc"] for some in (cases(), pooled))
    assert both == one < 1
    assert summarise(scored_by(pooled, ""))["cddpm"]["tumour"]["image_auroc"] != one


def test_undefined_is_null_and_the_whole_is_json_without_nan():
    cell = json.loads(json.dumps(summarise(cases()), allow_nan=False))["cddpm"]["healthy"]
    assert (cell["dice"], cell["dice_ci"], cell["dice_n"]) == (None, None, 0)
    assert (cell["image_auroc"], cell["image_auroc_ci"]) == (None, None)
    assert cell["n"] == 4


def test_image_auroc_compares_the_volumes_of_a_set_with_the_healthy_set():
    cell = summarise(cases())["cddpm"]["tumour"]
    wins = sum(a > b for a in (3, 4, 5, 6) for b in (0.5, 1.5, 2.5, 3.5))
    assert cell["image_auroc"] == pytest.approx(wins / 16)
    assert cell["image_auroc_n"] == 4
    assert cell["image_auroc_ci"][0] < wins / 16 <= cell["image_auroc_ci"][1] <= 1
    alone = summarise([case for case in cases() if case.test_set == "tumour"])
    assert alone["cddpm"]["tumour"]["image_auroc"] is None


def test_grids_are_never_mixed():
    assert summarise(cases(), grid="model")["cddpm"]["tumour"]["dice"] == pytest.approx(0.9)
    assert "healthy" not in summarise(cases(), grid="model")["cddpm"]


def test_one_subject_has_no_interval_and_model_seeds_of_a_scan_are_one_scan():
    seeds = [CaseResult("sadm", "ms", "sub-1", "p1", "native", {"dice": dice}) for dice in (0.2, 0.4)]
    cell = summarise(seeds)["sadm"]["ms"]
    assert (cell["dice"], cell["dice_ci"], cell["n"], cell["dice_n"]) == (pytest.approx(0.3), None, 1, 1)
    both = summarise([*seeds, CaseResult("sadm", "ms", "sub-2", "p2", "native", {"dice": 0.9})])["sadm"]["ms"]
    assert both["dice"] == pytest.approx(0.6)
    assert both["n"] == 2


def test_scans_without_a_stored_threshold_have_no_image_auroc():
    constant = [
        CaseResult("constant", name, f"sub-{name}", name, "native", {"volume_ml": None}) for name in ("ms", "healthy")
    ]
    cell = summarise(constant)["constant"]["ms"]
    assert (cell["image_auroc"], cell["image_auroc_n"]) == (None, 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_never_enters_the_table(bad):
    with pytest.raises(ValueError, match="undefined metric is None"):
        CaseResult("sadm", "ms", "sub-1", "p1", "native", {"dice": bad})


def test_tsv_comes_back_as_it_was_written(tmp_path):
    written = [*cases(), CaseResult("zmap", "ms", "sub-9", "p9", "native", {"dice": 1 / 3, "auprc": 1e-17})]
    write_cases(written, tmp_path / "cases.tsv")
    again = read_cases(tmp_path / "cases.tsv")
    assert [case.metrics["dice"] for case in again] == [case.metrics["dice"] for case in written]
    assert again[-1].metrics == {"dice": 1 / 3, "hd95_mm": None, "volume_ml": None, "auprc": 1e-17}
    assert (again[0].row, again[0].test_set, again[0].case, again[0].subject) == ("cddpm", "tumour", "sub-0", "p0")
    header, first, *_ = (tmp_path / "cases.tsv").read_text().splitlines()
    assert header == "row\ttest_set\tcase\tsubject\tgrid\tdice\thd95_mm\tvolume_ml\tauprc"
    assert first == "cddpm\ttumour\tsub-0\tp0\tnative\t0.3\tn/a\t3.0\tn/a"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "no readable table"),
        ("", r"columns \(none\)"),
        ("row\tcase\n", "columns row, case"),
        ("row\ttest_set\tcase\tsubject\tgrid\tdice\na\tb\tc\td\tnative\thigh\n", "in line 2"),
        ("row\ttest_set\tcase\tsubject\tgrid\tdice\na\tb\tc\td\tnative\tnan\n", "in line 2"),
        ("row\ttest_set\tcase\tsubject\tgrid\tdice\na\tb\tc\n", "in line 2"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(text, found, tmp_path):
    path = tmp_path / "cases.tsv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CohortError, match=found):
        read_cases(path)
