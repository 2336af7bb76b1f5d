import dataclasses

import numpy as np
import pytest

from pseudohealthy.io.lesions import LesionMask
from pseudohealthy.report import case_page
from pseudohealthy.report.case_page import write_case_page
from pseudohealthy.score.lesions import Lesion
from pseudohealthy.score.metrics import dice
from pseudohealthy.score.thresholds import Threshold, given_threshold


def drawn(lesion, ignored=None):
    """A reference mask without anything that is ignored, or with."""
    return LesionMask(lesion, lesion.like(np.zeros_like(lesion.data)) if ignored is None else lesion.like(ignored))


@pytest.fixture
def page_of(make_prediction, read_page, tmp_path, monkeypatch):
    monkeypatch.setattr(case_page, "_SLICES", 1)  # faster; the last test draws them all

    def make(with_truth=True, change=None, **settings):
        prediction, truth = make_prediction(**settings)
        if change is not None:
            prediction = dataclasses.replace(prediction, **change)
        write_case_page(tmp_path / "sub-01.html", prediction, drawn(truth) if with_truth else None)
        return read_page(tmp_path / "sub-01.html"), prediction

    return make


def numbers(page):
    return [float(attributes["value"]) for tag, attributes in page.tags if tag == "data"]


def test_the_lesion_table_holds_the_lesions_numbers(page_of):
    lesions = (
        Lesion(12.3456, (-38.04, 20.0, -7.25), 0.98765, 0.71),
        Lesion(0.1, (1.0, 2.0, 3.0), 0.6, 0.55),
    )
    page, _ = page_of(change={"lesions": lesions})
    assert numbers(page) == [12.3456, 0.98765, 0.71, 0.1, 0.6, 0.55]
    assert "\N{MINUS SIGN}38.0, 20.0, \N{MINUS SIGN}7.2" in page.text
    assert "2 connected findings lie above the threshold" in " ".join(page.text.split())


def test_the_side_of_a_finding_is_told_wherever_the_origin_lies(make_prediction, read_page, tmp_path):
    prediction, _ = make_prediction()
    shift = np.eye(4)
    shift[0, 3] = -200.0

    def moved(volume):
        return dataclasses.replace(volume, affine=shift @ volume.affine)

    places = ((-40.0, "left"), (40.0, "right"), (1.0, "middle"))
    lesions = tuple(Lesion(1.0, (x - 200.0, 0.0, 0.0), 0.9, 0.8) for x, _ in places)
    volumes = {name: moved(getattr(prediction, name)) for name in ("scan", "brain_mask", "reconstruction", "score")}
    volumes |= {name: moved(getattr(prediction, name)) for name in ("unsupervised", "supervised", "mask")}
    write_case_page(tmp_path / "a.html", dataclasses.replace(prediction, lesions=lesions, **volumes))
    text = " ".join(read_page(tmp_path / "a.html").text.split())
    for number, (_, side) in enumerate(places, 1):
        assert f"{number} 1.00 {side} " in text


def test_the_threshold_is_explained_with_its_promise(page_of):
    page, prediction = page_of()
    text = " ".join(page.text.split())
    assert "The threshold is 0.500" in text
    assert "it was set on healthy scans" in text
    assert prediction.threshold.statement in text
    page, _ = page_of(change={"threshold": given_threshold(0.37)})
    assert "The threshold is 0.370" in page.text
    assert "given by the user" in page.text
    page, _ = page_of(change={"threshold": Threshold(0.2, "lesion", 3, "n = 3: best mean Dice", mean_dice=0.5)})
    assert "for other kinds of lesion it may be wrong" in page.text


def test_volumes_coverage_model_times_and_warnings_are_told(page_of):
    page, prediction = page_of(warnings=("2 % of the brain <b>lie outside</b>.",))
    text = " ".join(page.text.split())
    marked_ml = prediction.mask.data.sum() * 0.064
    assert f"{marked_ml:.1f} ml above the threshold" in text
    assert f"{prediction.brain_mask.data.sum() * 0.064:.0f} ml of brain examined" in text
    assert "98.2 % of the brain" in text
    assert "2 % of the brain <b>lie outside</b>." in text  # shown as text, not as markup
    assert "Model: noise seed 7" in text
    assert "27.6 s: reconstruct 21.3 s, segment 6.2 s" in text
    assert "Research software, not a medical device" in text
    assert "the patient's left (L) is on the right" in text


def test_dice_is_told_with_its_policy_only_where_there_is_truth(page_of):
    page, _ = page_of()
    assert "1.000 Dice with it, healthy threshold" in " ".join(page.text.split())
    page, _ = page_of(with_truth=False)
    assert "Dice" not in page.text


def test_dice_is_that_of_the_evaluation_inside_the_brain_without_what_is_ignored(make_prediction, read_page, tmp_path):
    prediction, truth = make_prediction()
    brain, mask = prediction.brain_mask.data.astype(bool), prediction.mask.data.astype(bool)
    ignored = mask & (np.arange(mask.shape[0]) < np.argwhere(mask)[:, 0].mean())[:, None, None]
    outside = ~brain & (np.cumsum(~brain).reshape(brain.shape) <= 100)
    lesion = truth.like((truth.data & ~ignored) | outside)
    assert 0 < dice(mask, lesion.data) < 0.9
    write_case_page(tmp_path / "a.html", prediction, drawn(lesion, ignored))
    text = " ".join(read_page(tmp_path / "a.html").text.split())
    assert f"{dice(mask & ~ignored, lesion.data & brain):.3f} Dice with it" in text
    assert f"{outside.sum() * 0.064:.1f} ml of them outside the brain and not counted" in text


def test_an_empty_truth_has_no_dice(make_prediction, read_page, tmp_path):
    prediction, truth = make_prediction()
    write_case_page(tmp_path / "a.html", prediction, drawn(truth.like(np.zeros_like(truth.data))))
    page = read_page(tmp_path / "a.html")
    assert ("abbr", {"title": "Not defined: the reference mask is empty inside the brain"}) in page.tags


def test_nothing_found_is_not_called_healthy(page_of):
    page, _ = page_of(found=False)
    text = " ".join(page.text.split())
    assert "Nothing in this scan lies above the threshold. This does not mean that the scan is healthy." in text
    assert "No connected piece of at least 0.1 ml" in text
    page, _ = page_of(change={"lesions": ()})
    assert "Only pieces smaller than 0.1 ml" in page.text


def test_names_are_text_and_never_markup(page_of):
    page, prediction = page_of(name='sub-<img src="x">&')
    assert 'sub-<img src="x">&' in page.text
    assert [tag for tag, _ in page.tags].count("img") == 1
    page, _ = page_of(change={"case": None, "scan": dataclasses.replace(prediction.scan, source=None)})
    assert "scan: anomaly map" in page.text


def test_a_long_list_of_findings_is_cut_and_says_so(page_of):
    lesions = tuple(Lesion(9.0, (0.0, 0.0, 0.0), 0.9, 0.8) for _ in range(47))
    page, _ = page_of(change={"lesions": lesions})
    assert len(numbers(page)) == 3 * 40
    assert "7 smaller findings are not listed here" in page.text


def test_a_page_of_noisy_maps_stays_below_eight_megabytes(make_prediction, tmp_path):
    prediction, truth = make_prediction((1.0, 1.0, 4.0), noise=150.0)
    noise = prediction.score.like(np.random.default_rng(0).random(prediction.scan.shape, np.float32))
    prediction = dataclasses.replace(prediction, score=noise, unsupervised=noise, supervised=noise)
    write_case_page(tmp_path / "a.html", prediction, drawn(truth))
    assert 1e6 < (tmp_path / "a.html").stat().st_size < 8e6
