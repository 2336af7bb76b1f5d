from pseudohealthy.evaluate.verdicts import Verdict
from pseudohealthy.report.findings import claims, done, found

ONE = "claim 1: on the annotated pathology sadm_res is above cddpm"
TWO = "claim 2: on an unseen pathology sadm_res loses at most 0.03 to cddpm"


def verdict(claim, test_set, word, effect=0.1, ci=(0.05, 0.15), metric="dice_oracle"):
    return Verdict(claim, test_set, metric, effect, ci, 4, word)


def results(**rows):
    return {
        row: {name: {"n": 4, **cell} for name, cell in sets.items()}
        for row, sets in (rows or {"sadm_res": {"tumour": {"dice_oracle": 0.7}}}).items()
    }


def test_each_main_claim_is_told_with_its_verdicts_by_set():
    verdicts = [
        verdict(TWO, "stroke", "holds"),
        verdict(TWO, "ms", "not informative"),
        verdict(TWO, "haemorrhage", "holds"),
        verdict(ONE, "tumour", "undecided"),
    ]
    told = found(results(), verdicts, None)
    assert told[0] == (
        "Claim 2: on an unseen pathology sadm_res loses at most 0.03 to cddpm: "
        "holds on stroke and haemorrhage; not informative on ms."
    )
    assert told[1] == "Claim 1: on the annotated pathology sadm_res is above cddpm: undecided on tumour."


def test_what_fails_is_said_with_its_rows_together():
    verdicts = [
        verdict("unet is above zmap", "ms", "fails"),
        verdict("sadm is above zmap", "ms", "fails"),
        verdict("unet is above a constant map", "ms", "holds"),
        verdict("fusion is above unet_res alone", "tumour", "fails"),
        verdict("zmap is above a constant map", "ms", "fails"),  # a baseline's failure is no finding of the method
    ]
    told = found(results(unet={"ms": {}}, sadm={"ms": {}}, zmap={"ms": {}}), verdicts, None)
    assert told == ["What fails: “is above zmap” for unet and sadm (ms); “fusion is above unet_res alone” (tumour)."]


def test_the_best_rows_and_lost_sets_follow_from_the_numbers():
    made = results(
        sadm_res={"tumour": {"dice_oracle": 0.7}, "ms": {"dice_oracle": 0.05}},
        cddpm={"tumour": {"dice_oracle": 0.5}, "ms": {"dice_oracle": 0.07}},
        zmap={"tumour": {"dice_oracle": 0.4}, "ms": {"dice_oracle": 0.2}},
    )
    told = found(made, [], None)
    assert told[0] == "Highest mean ⌈Dice⌉: tumour 0.700 (sadm_res); ms 0.200 (zmap)."
    assert told[1].startswith("On ms no network's mean ⌈Dice⌉ is above the best baseline")
    assert len(told) == 2


def test_false_alarms_are_those_of_the_main_row():
    made = results(sadm_res={"healthy": {"fp_ml": 0.8}, "sham": {"fp_ml": None}}, unet={"healthy": {"fp_ml": 9.0}})
    told = found(made, [], "sadm_res")
    assert told == ["At its stored threshold sadm_res marks without cause, on average: 0.80 ml on healthy scans."]


def test_what_was_done_counts_methods_scans_and_baselines():
    made = results(sadm_res={"tumour": {}, "healthy": {}}, zmap={"tumour": {}})
    assert done(made) == (
        "1 method scored 8 test scans: tumour (4), healthy (4). 1 baseline without any network did the same."
    )
    assert done({"unet": {"ms": {"n": 1}}}) == "1 method scored 1 test scan: ms (1)."


def test_claims_come_in_three_sections_with_signed_effects():
    paint = "unet does not find paint of healthy intensity"
    made = claims(
        [
            verdict(paint, "sham", "undecided", 0.51, (0.49, 0.53), "auroc"),
            verdict("unet is above zmap", "ms", "fails", -0.05, (-0.07, -0.01)),
            verdict("unet is above zmap", "stroke", "undecided", None, None),
            verdict(ONE, "tumour", "holds"),
        ]
    )
    assert [claim.section for claim in made] == ["Main claims", "Further comparisons", "Controls: nothing to find"]
    first, second, third = (claim.findings for claim in made)
    assert (first["tumour"].mark, first["tumour"].effect) == ("✓", "+0.100")
    assert second["ms"].interval == "\N{MINUS SIGN}0.070 to \N{MINUS SIGN}0.010"
    assert (second["stroke"].effect, second["stroke"].interval) == ("\N{EN DASH}", "")
    assert third["sham"].effect == "0.510"  # chance is 0.5: not a difference
    assert made[0].text.startswith("Claim 1")
    assert made[1].text == "unet is above zmap"  # a row's name keeps its spelling
