import dataclasses

import pytest

from pseudohealthy.evaluate.claims import ClaimResult, claims_of, descriptions_of
from pseudohealthy.evaluate.verdicts import Verdict
from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.gallery import GalleryCase
from pseudohealthy.report.likeness import Likeness
from pseudohealthy.report.page_figure import PageFigure
from pseudohealthy.report.panels import render_panels
from pseudohealthy.report.results_page import write_results_page
from pseudohealthy.score.thresholds import Threshold

ROWS, SETS = ("constant", "zmap", "cddpm", "unet_res", "sadm_res", "my<row>"), ("tumour", "ms", "healthy", "sham")


def made_results():
    """Every number differs from every other; healthy scans have no Dice, `constant` has no threshold."""
    results, count = {}, 0
    for row in ROWS:
        results[row] = {}
        for name in SETS:
            cell = {"n": 4}
            for metric in (
                "dice_oracle",
                "auprc",
                "dice",
                "lesion_sensitivity",
                "image_auroc",
                "fp_ml",
                "false_lesions",
            ):
                count += 1
                missing = (name == "healthy" and metric not in ("fp_ml", "false_lesions")) or (
                    row == "constant" and metric not in ("dice_oracle", "auprc")
                )
                value = None if missing else count / 1000 + 1e-7
                cell[metric] = value
                cell[f"{metric}_ci"] = None if missing else [value - 0.01, value + 0.01]
            results[row][name] = cell
    return results


def write(path, **changes):
    content = {
        "title": "Known & unseen",
        "results": made_results(),
        "verdicts": (),
        "gallery": (),
        "facts": {"Minutes": "Stage I 6.8", "Machine": "2 <cores>"},
        "notes": ("The brains are simulated.", "It cannot show how well it does on patients."),
    }
    write_results_page(path, **{**content, **changes})


def drawn(title, test_set, caption, prediction, truth, metrics):
    picture = render_panels(prediction, truth)
    return GalleryCase(title, test_set, caption, "sadm_res", prediction.threshold, metrics, picture)


@pytest.fixture
def page_of(read_page, tmp_path):
    def make(**changes):
        write(tmp_path / "report.html", **changes)
        return read_page(tmp_path / "report.html")

    return make


def test_the_main_table_holds_exactly_the_results(page_of):
    page, results = page_of(), made_results()
    for row in ROWS:
        values = [value for value, _ in page.cells("main-table", row)]
        assert values == [
            results[row][name][metric] for name in ("tumour", "ms") for metric in ("dice_oracle", "auprc")
        ]
    assert "0.610\N{EN DASH}0.630" not in page.text


def test_the_threshold_table_holds_exactly_the_results(page_of):
    page, results = page_of(), made_results()
    labels = {
        "Dice": "dice",
        "Lesions found": "lesion_sensitivity",
        "Scan AUROC": "image_auroc",
        "False positive volume": "fp_ml",
        "False findings": "false_lesions",
    }
    for label, metric in labels.items():
        for row in ROWS:
            for name, (value, why) in zip(SETS, page.cells("threshold-table", row, label), strict=True):
                if name in ("healthy", "sham") and metric in ("dice", "lesion_sensitivity"):
                    assert (value, why) == (None, f"Not shown: there is nothing to find in {name} scans")
                else:
                    assert value == results[row][name][metric]
                    assert why


def test_a_caveat_stands_beside_each_table(page_of):
    verdicts = [Verdict("unet is above zmap", "ms", "auprc", 0.01, (-0.1, 0.1), 4, "undecided")]
    page = page_of(caveat="One template, so <not> independent.", verdicts=verdicts)
    assert page.text.count("One template, so <not> independent.") == 3


def test_baselines_stand_apart_below_the_methods(page_of):
    rows = [row["row"] for row in page_of().rows if row["table"] == "main-table"]
    assert rows == ["cddpm", "unet_res", "sadm_res", "my<row>", "constant", "zmap"]


def test_a_row_that_was_not_run_on_a_set_shows_a_dash_with_the_reason(page_of):
    results = made_results()
    del results["unet_res"]["ms"]
    page = page_of(results=results)
    assert page.cells("main-table", "unet_res")[2:] == [(None, "Not measured: this row was not run on this set")] * 2


def test_names_titles_and_facts_are_text_and_never_markup(page_of):
    page = page_of(title="<script>alert(1)</script>", notes=("<img src=x>",))
    assert "<script>alert(1)</script>" in page.text
    assert "2 <cores>" in page.text
    assert "<img src=x>" in page.text
    assert "my<row>" in page.text
    assert "script" not in {tag for tag, _ in page.tags}


def test_known_and_unseen_sets_are_named_so(page_of):
    text = " ".join(page_of(known=("tumour",), unseen=("ms",)).text.split())
    assert "tumour n = 4, annotated" in text
    assert "ms n = 4, never annotated" in text
    assert "never annotated" not in page_of().text


def test_verdicts_are_shown_with_mark_word_interval_and_sentence(page_of):
    verdicts = [
        Verdict("claim 1: sadm_res is above cddpm", "tumour", "dice_oracle", 0.123, (0.05, 0.2), 4, "holds"),
        Verdict("claim 2: it loses little", "ms", "dice_oracle", -0.2, (-0.3, -0.1), 4, "fails"),
        Verdict("unet is above zmap", "ms", "auprc", 0.01, (-0.1, 0.1), 4, "undecided"),
        Verdict("cddpm is above zmap", "ms", "dice_oracle", 0.01, None, 1, "not informative", "A note."),
    ]
    page = page_of(verdicts=verdicts)
    text = " ".join(page.text.split())
    assert "Claim 1: sadm_res is above cddpm: holds on tumour." in text
    assert "✓ holds +0.123 +0.050 to +0.200, n = 4" in text
    assert "✗ fails \N{MINUS SIGN}0.200" in text
    assert "? undecided" in text
    assert "○ not informative" in text
    assert all(verdict.sentence in text for verdict in verdicts)
    assert not any(attributes.get("id") == "verdict-table" for _, attributes in page_of().tags)


def test_tested_claims_stand_first_with_all_their_numbers(page_of):
    superior, not_inferior, _, _, untested = claims_of("tumour", ["ms"])
    told = descriptions_of("tumour", ["ms"])[-1]
    claims = [
        ClaimResult(superior, 0.123, (0.05, 0.2), 24, 3, 0.00001, 0.00004, "holds"),
        ClaimResult(not_inferior, -0.2, (-0.3, -0.1), 27, 0, 0.98765, 1.0, "fails"),
        ClaimResult(untested, 0.05, (0.01, 0.09), 8, 0, None, None, "not shown"),
        ClaimResult(told, -0.01, (-0.02, 0.03), 27, 0, None, None, "described"),
    ]
    verdicts = [Verdict("claim 1: sadm_res is above cddpm", "tumour", "dice_oracle", 0.1, (0.0, 0.2), 4, "undecided")]
    page = page_of(claims=claims, verdicts=verdicts, caveat="A caveat.")
    text = " ".join(page.text.split()).replace("\N{MINUS SIGN}", "-")
    for row in (
        "Claim 1: on the annotated pathology (tumour) sadm_res is above cddpm by AUPRC, claimed: above 0 ✓ holds "
        "+0.123 +0.050 to +0.200 < 0.0001 < 0.0001 24 3 left out",
        "loses less than 0.03 to cddpm by AUPRC, claimed: above -0.03 ✗ fails -0.200 -0.300 to -0.100 0.9877 1.0000 27",
        "? not shown +0.050 +0.010 to +0.090 no p: fewer than 12 persons 8",
        "(tumour) by AUPRC · described -0.010 -0.020 to +0.030 described, not tested 27",
    ):
        assert row in text
    assert text.index("Which claims hold?") < text.index("What else was found?") < text.index("How well does each")
    assert "undecided on tumour" not in text  # the claims are not told a second time, by another standard
    assert text.count("A caveat.") == 4


def test_without_tested_claims_nothing_of_them_is_on_the_page(page_of):
    page = page_of(verdicts=[Verdict("claim 1: a", "tumour", "dice_oracle", 0.1, (0.0, 0.2), 4, "undecided")])
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert not ids & {"claims", "claim-table", "found", "curves"}
    assert "Claim 1: a: undecided on tumour." in page.text


def test_how_like_the_annotated_lesions_a_set_is_stands_beside_its_name(page_of):
    page = page_of(known=("tumour",), unseen=("ms",), likeness={"ms": Likeness("far-unseen", 0.031, 0.5, 0.678)})
    text = " ".join(page.text.split())
    assert "ms n = 4, far-unseen overlap: contrast 0.03, volume 0.50, depth 0.68" in text
    assert text.count("n = 4, far-unseen") == 2  # in both tables
    assert "never annotated" not in text
    assert "Overlap: how like the annotated lesions" in text
    assert "overlap" not in page_of().text.partition("How to read this")[0].replace("overlap widely", "")


def test_curves_are_shown_for_both_themes_with_title_and_caption(page_of):
    light, dark = (Picture(b"picture", "image/png", 10, 10, alt) for alt in ("light", "dark"))
    page = page_of(figures=[PageFigure("The fusion weight", "Beta <1>.", light, dark)])
    assert "What does it depend on? The fusion weight Beta <1>." in " ".join(page.text.split())
    assert sum(tag == "img" for tag, _ in page.tags) == 2


def test_the_gallery_shows_the_best_and_the_worst_case_of_each_set(page_of, make_prediction):
    prediction, truth = make_prediction()
    gallery = [
        drawn(f"case-{dice}", "tumour", "A caption.", prediction, truth, {"dice_oracle": dice, "fp_ml": 1.5})
        for dice in (0.5, 0.9, 0.1)
    ]
    healthy, _ = make_prediction(found=False, supervised=False)
    gallery.append(drawn("well", "healthy", "", healthy, None, {"dice_oracle": None, "fp_ml": 0.25}))
    page = page_of(gallery=gallery)
    text = " ".join(page.text.split())
    assert "best by ⌈Dice⌉ case-0.9 : ⌈Dice⌉ 0.900, False positive volume 1.50 ml. A caption." in text
    assert "worst by ⌈Dice⌉ case-0.1" in text
    assert "case-0.5" not in text
    assert "well : False positive volume 0.25 ml" in text
    assert sum(tag == "img" for tag, _ in page.tags) == 3 + 1
    assert "stored threshold of the policy healthy" in text
    assert prediction.threshold.statement in text
    assert "At its stored threshold sadm_res marks without cause" in text


def test_several_trainings_have_several_thresholds(page_of, make_prediction):
    prediction, truth = make_prediction()
    few, more = (Threshold(value, "healthy", 3, f"n = 3: {value}", 1.0, 0.25) for value in (0.38, 0.7))
    cases = [
        dataclasses.replace(drawn(f"sub-{n}", "tumour", "", prediction, truth, {"dice_oracle": n}), threshold=one)
        for n, one in enumerate((few, more))
    ]
    text = " ".join(page_of(gallery=cases).text.split())
    assert "Here: 0.380 to 0.700, by the training (as far as pictures show) for sadm_res" in text
    assert "n = 3: 0.38" in text
    assert "n = 3: 0.7" in text


def test_a_plot_for_each_theme_is_inside_the_page(page_of):
    page = page_of()
    assert sum(tag == "source" and a["media"] == "(prefers-color-scheme: dark)" for tag, a in page.tags) == 1
    assert sum(tag == "img" for tag, _ in page.tags) == 1


def test_healthy_scans_alone_make_a_page_without_dice(page_of):
    results = {"cddpm": {"healthy": {"n": 6, "dice_oracle": None, "auprc": None, "dice": None, "fp_ml": 0.5}}}
    page = page_of(results=results)
    assert "No test set has a lesion mask" in page.text
    assert page.cells("threshold-table", "cddpm", "False positive volume") == [
        (0.5, "Mean of 6 scans; no interval with fewer than two subjects")
    ]
    assert not any(tag == "img" for tag, _ in page.tags)


def test_notes_facts_and_what_the_words_mean_are_on_the_page(page_of):
    text = " ".join(page_of().text.split())
    for part in (
        "It cannot show how well it does on patients.",
        "Minutes Stage I 6.8",
        "What the threshold means",
        "An upper bound: nobody can have this threshold in practice.",
        "Research software, not a medical device",
        "Skip to the content",
    ):
        assert part in text


def test_pictures_of_six_sets_stay_below_eight_megabytes(make_prediction, tmp_path):
    prediction, truth = make_prediction((1.5, 1.5, 5.0), noise=150.0)
    gallery = [
        drawn(f"{name}-{dice}", name, "", prediction, truth, {"dice_oracle": dice})
        for name in ("a", "b", "c", "d")
        for dice in (0.1, 0.9)
    ]
    write(tmp_path / "report.html", gallery=gallery)
    size = (tmp_path / "report.html").stat().st_size
    assert size < 8e6 * len(gallery) / 12  # six sets have twelve pictures
