import numpy as np
import pytest

from pseudohealthy.evaluate.table import CaseResult
from pseudohealthy.evaluate.verdicts import Verdict, compare, findings

N = 12


def made(test_set: str, rows: dict[str, float], metric: str = "dice_oracle", n: int = N) -> list[CaseResult]:
    """Rows with a planted mean; subjects differ in difficulty, alike for all rows."""
    cases = []
    for k, (row, mean) in enumerate(rows.items()):
        noise = np.random.default_rng(k).normal(0, 0.005, n)
        difficulty = np.random.default_rng(99).uniform(-0.2, 0.2, n)
        for i in range(n):
            value = float(mean + difficulty[i] + noise[i])
            metrics = {metric: value, "auprc": value} if metric == "dice_oracle" else {metric: value}
            cases.append(CaseResult(row, test_set, f"sub-{i}", f"p{i}", "native", metrics))
    return cases


def by_claim(verdicts: list[Verdict], beginning: str) -> dict[str, Verdict]:
    return {verdict.test_set: verdict for verdict in verdicts if verdict.claim.startswith(beginning)}


TABLE = (
    made("tumour", {"constant": 0.1, "zmap": 0.3, "cddpm": 0.4, "unet_res": 0.6, "sadm_res": 0.5})
    + made("stroke", {"constant": 0.1, "zmap": 0.3, "cddpm": 0.4, "unet_res": 0.3, "sadm_res": 0.39})
    + made("ms", {"constant": 0.1, "zmap": 0.4, "cddpm": 0.3, "unet_res": 0.3, "sadm_res": 0.3})
    + made("wmh", {"constant": 0.3, "zmap": 0.2, "cddpm": 0.4, "unet_res": 0.4, "sadm_res": 0.3})
)


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    return findings(TABLE, known=["tumour"], unseen=["stroke", "ms", "wmh"])


def test_claim_one_holds_where_the_effect_was_planted(verdicts):
    claim = by_claim(verdicts, "claim 1")["tumour"]
    assert claim.verdict == "holds"
    assert claim.effect == pytest.approx(0.1, abs=0.01)
    assert claim.ci[0] < claim.effect < claim.ci[1]
    assert claim.n == N
    assert claim.sentence.startswith("tumour: claim 1: on the annotated pathology sadm_res is above cddpm: holds (")


def test_claim_two_allows_a_small_loss_and_no_more(verdicts):
    claims = by_claim(verdicts, "claim 2")
    assert claims["stroke"].verdict == "holds"
    assert claims["stroke"].effect < 0
    assert claims["wmh"].verdict == "fails"


def test_holding_the_level_of_an_uninformative_map_is_not_a_finding(verdicts):
    assert by_claim(verdicts, "claim 2")["ms"].verdict == "not informative"
    above = by_claim(verdicts, "cddpm is above zmap")
    assert above["ms"].verdict == "not informative"
    assert "not shown to be above zmap" in above["ms"].sentence
    assert above["stroke"].verdict == "holds"
    assert by_claim(verdicts, "sadm_res is above zmap")["ms"].verdict == "fails"


def test_a_failed_transfer_fails_even_where_cddpm_is_uninformative():
    cases = made("ms", {"zmap": 0.6, "cddpm": 0.5, "sadm_res": 0.3})
    assert by_claim(findings(cases, [], ["ms"]), "claim 2")["ms"].verdict == "fails"


def test_fusion_that_loses_to_the_segmenter_alone_is_said(verdicts):
    fusion = by_claim(verdicts, "fusion is above unet_res alone")
    assert fusion["tumour"].verdict == "fails"
    assert fusion["tumour"].note == "Fusion loses to unet_res alone."
    assert fusion["stroke"].verdict == "holds"
    assert fusion["ms"].verdict == "undecided"
    assert fusion["ms"].note == ""


def test_rows_are_held_against_the_constant_map_by_auprc(verdicts):
    constant = by_claim(verdicts, "zmap is above a constant map")
    assert constant["tumour"].verdict == "holds"
    assert constant["wmh"].verdict == "fails"
    assert {verdict.metric for verdict in constant.values()} == {"auprc"}


def test_one_subject_decides_nothing_and_absent_rows_claim_nothing():
    cases = made("tumour", {"sadm_res": 0.9, "cddpm": 0.1}, n=1)
    (claim,) = findings(cases, ["tumour", "absent"], ["absent"])
    assert (claim.verdict, claim.ci, claim.n) == ("undecided", None, 1)
    assert "no interval, n = 1" in claim.sentence
    assert compare(cases, "made up", "sadm_res", "zmap", "tumour") is None


@pytest.mark.parametrize(("persons", "verdict"), [(2, "undecided"), (5, "undecided"), (6, "holds")])
def test_a_few_equal_differences_decide_nothing(persons, verdict):
    cases = [
        CaseResult(row, "tumour", f"case-{n}", f"sub-{n}", "native", {"dice_oracle": value})
        for row, value in (("sadm_res", 0.51), ("cddpm", 0.5))
        for n in range(persons)
    ]
    found = compare(cases, "claim", "sadm_res", "cddpm", "tumour")
    assert (found.verdict, found.ci) == (verdict, pytest.approx((0.01, 0.01)))


def test_undefined_metrics_give_no_value():
    cases = [
        CaseResult(row, "healthy", f"sub-{i}", f"p{i}", "native", {"dice_oracle": None})
        for row in ("a", "b")
        for i in range(3)
    ]
    verdict = compare(cases, "a is above b", "a", "b", "healthy")
    assert (verdict.effect, verdict.verdict, verdict.n) == (None, "undecided", 0)
    assert "dice_oracle no value, no interval" in verdict.sentence


def test_only_scans_that_both_rows_have_are_paired_and_model_seeds_are_averaged():
    cases = made("tumour", {"a": 0.5, "b": 0.4})[:-1]  # the last scan of b is missing
    assert compare(cases, "", "a", "b", "tumour").n == N - 1
    seeds = [
        CaseResult(row, "ms", f"sub-{i}", f"p{i}", "native", {"dice_oracle": value + shift})
        for row, value in (("a", 0.5), ("b", 0.2))
        for i in range(3)
        for shift in (-0.1, 0.1)
    ]
    verdict = compare(seeds, "", "a", "b", "ms")
    assert (verdict.effect, verdict.n) == (pytest.approx(0.3), 3)


@pytest.mark.parametrize(
    ("metric", "mean", "of", "expected"),
    [
        ("excess_over_twin", 0.0, "its score there without paint", "holds"),
        ("excess_over_twin", 0.3, "its score there without paint", "fails"),
        ("auroc", 0.4, "chance", "holds"),
        ("auroc", 0.9, "chance", "fails"),
    ],
)
def test_a_method_that_scores_paint_above_healthy_tissue_is_caught(metric, mean, of, expected):
    cases = [
        CaseResult("sadm", "sham", f"sub-{i}", f"p{i}", "native", {metric: mean + 0.001 * (i - 3)}) for i in range(7)
    ]
    (verdict,) = findings(cases, [], [])
    claim = f"sadm does not find paint of healthy intensity, within 0.02 of {of}"
    assert (verdict.claim, verdict.verdict) == (claim, expected)
    assert ("unpainted twin" in verdict.note) == (metric == "auroc")


def test_paint_is_undecided_where_the_interval_is_wide_and_silent_without_values():
    wide = [
        CaseResult("sadm", "sham", f"sub-{i}", f"p{i}", "native", {"excess_over_twin": 0.2 * (i - 1)}) for i in range(4)
    ]
    assert findings(wide, [], [])[0].verdict == "undecided"
    assert findings([CaseResult("sadm", "sham", "s", "p", "native", {"auroc": None})], [], []) == []
