"""The protocol on made differences whose effect is known."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from pseudohealthy.evaluate import claims as protocol
from pseudohealthy.evaluate.claims import Claim, ClaimResult, claims_of, descriptions_of
from pseudohealthy.evaluate.permutation import sign_flip_p
from pseudohealthy.evaluate.table import CaseResult

A_ABOVE_B = Claim("claim", "a", "b", ("ms",), sentence="a is above b")
A_NOT_BELOW_B = dataclasses.replace(A_ABOVE_B, margin=0.03, kind="non-inferiority")


def made(row, values, test_set="ms", metric="auprc"):
    """One scan of one person a value."""
    return [
        CaseResult(row, test_set, f"scan-{i}", f"person-{i}", "native", {metric: float(value)})
        for i, value in enumerate(values)
    ]


def difference(values):
    """A table in which `a - b` are these values; what persons have in common is large."""
    shared = np.random.default_rng(5).uniform(0.2, 0.6, len(values))
    return made("a", shared + values) + made("b", shared)


def judge(cases, *claims: Claim) -> list[ClaimResult]:
    return protocol.test_claims(cases, claims, seed=0)


def test_a_planted_difference_is_found_about_as_often_as_students_test_would():
    n, effect, trials = 14, 0.8, 300
    drawn = np.random.default_rng(0).normal(effect, 1, (trials, n))
    found = np.mean([judge(difference(values), A_ABOVE_B)[0].verdict == "holds" for values in drawn])
    power = stats.nct.sf(stats.t.ppf(0.95, n - 1), n - 1, effect * np.sqrt(n))
    assert found == pytest.approx(power, abs=3 * np.sqrt(power * (1 - power) / trials) + 0.02)


def test_no_difference_is_found_as_rarely_as_promised_by_one_claim_and_by_the_family():
    trials, n = 300, 12
    rng = np.random.default_rng(1)
    family = [dataclasses.replace(A_ABOVE_B, name=str(k), first=f"a{k}", second=f"b{k}") for k in range(5)]
    alone, any_of_five = [], []
    for _ in range(trials):
        difficulty = rng.uniform(0, 1, n)
        cases = [made(f"{row}{k}", difficulty + rng.normal(0, 0.1, n)) for k in range(5) for row in "ab"]
        results = judge([case for group in cases for case in group], *family)
        alone += [result.p <= 0.05 for result in results]
        any_of_five.append(any(result.verdict == "holds" for result in results))
    error = 3 * np.sqrt(0.05 * 0.95 / trials)
    assert np.mean(any_of_five) <= 0.05 + error
    assert np.mean(alone) == pytest.approx(0.05, abs=error)  # it is exact, neither too bold nor too shy
    assert np.mean(np.reshape(alone, (trials, 5)).any(axis=1)) > 0.05 + error  # what Holm is for


def test_the_bound_of_p_is_five_percent():
    spread = np.random.default_rng(8).normal(0, 0.1, 14)
    results = [judge(difference(spread + gain), A_ABOVE_B)[0] for gain in np.linspace(0, 0.15, 61)]
    highest_that_holds = max(result.p for result in results if result.verdict == "holds")
    lowest_not_shown = min(result.p for result in results if result.verdict == "not shown")
    assert 0.04 < highest_that_holds <= 0.05 < lowest_not_shown < 0.06


def test_a_loss_within_the_margin_is_not_inferior_and_one_beyond_it_fails():
    rng = np.random.default_rng(2)
    small, large = rng.normal(-0.01, 0.01, 20), rng.normal(-0.08, 0.01, 20)
    (within,) = judge(difference(small), A_NOT_BELOW_B)
    assert (within.verdict, within.effect < 0) == ("holds", True)
    assert within.p == sign_flip_p(small + 0.03, 0)
    (beyond,) = judge(difference(large), A_NOT_BELOW_B)
    assert (beyond.verdict, beyond.ci[1] < -0.03) == ("fails", True)
    (above,) = judge(difference(small), A_ABOVE_B)  # the same loss does not make it superior
    assert above.verdict == "fails"


def test_what_reaches_both_sides_of_the_bound_is_not_shown():
    values = np.random.default_rng(3).normal(-0.03, 0.05, 20)
    (result,) = judge(difference(values), A_NOT_BELOW_B)
    assert result.verdict == "not shown"
    assert result.ci[0] < -0.03 < result.ci[1]


@pytest.mark.parametrize(("n", "tested"), [(11, False), (12, True)])
def test_fewer_than_twelve_persons_give_no_p_and_the_sentence_says_so(n, tested):
    (result,) = judge(difference(np.full(n, 0.2) + 0.01 * np.arange(n)), A_ABOVE_B)
    assert ((result.p is not None), (result.p_holm is not None)) == (tested, tested)
    assert result.verdict == ("holds" if tested else "not shown")
    assert ("no p: fewer than 12 persons" in result.sentence) == (not tested)
    (lost,) = judge(difference(np.full(n, -0.2) + 0.01 * np.arange(n)), A_ABOVE_B)
    assert lost.verdict == "fails"  # the interval needs no p


def test_p_is_adjusted_over_the_tested_claims_alone():
    rng = np.random.default_rng(4)
    cases = difference(rng.normal(0.04, 0.1, 16)) + made("few", [0.9] * 5)
    claims = [
        A_ABOVE_B,
        dataclasses.replace(A_ABOVE_B, name="reverse", first="b", second="a"),
        dataclasses.replace(A_ABOVE_B, name="few", first="few"),
        dataclasses.replace(A_ABOVE_B, name="told", kind="description"),
    ]
    results = {result.claim.name: result for result in judge(cases, *claims)}
    assert results["claim"].p_holm == 2 * results["claim"].p
    assert results["reverse"].p_holm == results["reverse"].p
    assert (results["few"].n, results["few"].left_out, results["few"].p_holm) == (5, 11, None)
    told = results["told"]
    assert (told.verdict, told.p, told.effect) == ("described", None, results["claim"].effect)
    assert "described, not tested" in told.sentence


def test_scans_of_one_person_are_no_more_evidence_than_one():
    rng = np.random.default_rng(6)
    cases = difference(rng.normal(0.05, 0.1, 14))
    repeated = [dataclasses.replace(case, case=f"{case.case}-{k}") for case in cases for k in range(3)]
    seeds = cases * 3
    (once,), (lesions,), (again,) = judge(cases, A_ABOVE_B), judge(repeated, A_ABOVE_B), judge(seeds, A_ABOVE_B)
    for more in (lesions, again):
        assert (more.n, more.p) == (14, once.p)
        assert more.effect == pytest.approx(once.effect)
        assert more.ci == pytest.approx(once.ci)


def test_a_claim_whose_rows_are_absent_is_still_answered():
    (result,) = judge(difference(np.zeros(3)), dataclasses.replace(A_ABOVE_B, first="absent"))
    assert (result.effect, result.ci, result.n, result.verdict) == (None, None, 0, "not shown")
    assert "no value, no interval, n = 0 persons" in result.sentence


def test_the_sentence_has_the_numbers():
    (result,) = judge(difference(np.linspace(0.1, 0.3, 12)), A_ABOVE_B)
    low, high = result.ci
    assert result.sentence == (
        f"claim: a is above b: holds (auprc +0.200, 95 % CI +{low:.3f} to +{high:.3f}, n = 12 persons; "
        "one-sided p 0.0002, Holm 0.0002)."
    )


def test_the_five_claims_are_those_of_the_protocol():
    claims = claims_of("tumour", ["stroke", "wmh"])
    every = ("tumour", "stroke", "wmh")
    assert [(claim.first, claim.second, claim.sets, claim.kind, claim.margin) for claim in claims] == [
        ("sadm_res", "cddpm", ("tumour",), "superiority", 0.0),
        ("sadm_res", "cddpm", ("stroke", "wmh"), "non-inferiority", 0.03),
        ("sadm_res_draem", "cddpm", every, "superiority", 0.0),
        ("unet_res", "unet", every, "superiority", 0.0),
        ("cddpm", "zmap", every, "superiority", 0.0),
    ]
    told = descriptions_of("tumour", ["stroke", "wmh"])
    assert {claim.kind for claim in told} == {"description"}
    assert (told[-1].first, told[-1].second, told[-1].sets) == ("sadm_res", "unet_res", ("tumour",))
    assert {claim.metric for claim in (*claims, *told)} == {"auprc"}


def test_without_an_unseen_pathology_the_family_has_four_claims_on_the_annotated_one():
    claims = claims_of("glioma", ())
    assert [claim.name for claim in claims] == ["claim 1", "claim 3", "claim 4", "claim 5"]
    assert {claim.sets for claim in (*claims, *descriptions_of("glioma", ()))} == {("glioma",)}


def test_claims_that_cannot_be_meant_are_refused():
    with pytest.raises(ValueError, match="one twice"):
        claims_of("tumour", ["tumour"])
    with pytest.raises(ValueError, match=r"margin of 0\.1"):
        dataclasses.replace(A_ABOVE_B, margin=0.1)
    with pytest.raises(ValueError, match="margin of 0 "):
        dataclasses.replace(A_NOT_BELOW_B, margin=0.0)
    with pytest.raises(ValueError, match="two claims of one name"):
        judge([], A_ABOVE_B, A_ABOVE_B)
