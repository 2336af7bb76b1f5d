import io

import numpy as np
from PIL import Image

from pseudohealthy.evaluate import claims as protocol
from pseudohealthy.evaluate.claims import Claim
from pseudohealthy.evaluate.counts import count
from pseudohealthy.evaluate.table import CaseResult
from pseudohealthy.report.figures import curve_figures, volume_figure

CLAIM = Claim("claim", "a", "b", ("ms",), sentence="a is above b")


def made(row, test_set, **metrics):
    return [CaseResult(row, test_set, f"scan-{i}", f"p{i}", "native", metrics) for i in range(4)]


def titles(cases=(), curve_cases=(), claims=()):
    return [figure.title for figure in curve_figures(cases, curve_cases, claims, ["ms"], [])]


def test_a_figure_is_there_where_its_data_is():
    cases = made("a", "ms", dice_oracle=0.5, lesion_ml=3.0) + made("b", "healthy", fp_ml=0.2)
    claims = protocol.test_claims(cases, [CLAIM], 0)
    assert titles(cases, claims=claims) == ["Lesion volume", "Healthy scans, one by one"]
    assert titles(cases[:4], claims=claims) == ["Lesion volume"]
    assert titles(cases[4:], claims=claims) == ["Healthy scans, one by one"]
    assert titles(cases) == ["Lesion volume", "Healthy scans, one by one"]  # of the first networks, without claims
    assert titles(made("beta=0.5", "stroke", auprc=0.5)) == []
    assert titles(curve_cases=made("beta=0.5", "ms", auprc=0.5)) == ["The fusion weight"]
    assert titles(curve_cases=made("a@5", "ms", auprc=0.5)) == ["The number of annotated scans"]
    assert titles(curve_cases=made("a@5", "ms", auprc=None)) == []


def test_pictures_are_of_the_rows_that_claims_name_baselines_last():
    cases = [
        case
        for row in ("zmap", "b", "other", "a")
        for case in made(row, "ms", dice_oracle=0.5, lesion_ml=3.0) + made(row, "healthy", fp_ml=float(np.pi))
    ]
    volume, healthy = curve_figures(cases, [], protocol.test_claims(cases, [CLAIM], 0), ["ms"], [])
    assert "a: 0.500" in volume.light.alt
    assert "b: 0.500" in volume.light.alt
    assert "other" not in volume.light.alt
    assert "b 3.14, other 3.14, a 3.14, zmap 3.14" in healthy.dark.alt


def counted(row, test_set, stored):
    rng = np.random.default_rng(0)
    brain, promised = np.ones((9, 9, 9), bool), rng.random((9, 9, 9))
    return [
        count((row, test_set, f"s{i}", f"p{i}"), stored, 1.0, promised, rng.random(promised.shape) < promised, brain)
        for i in range(4)
    ]


def test_counts_add_the_figures_over_thresholds():
    cases = made("a", "ms", dice_oracle=None)
    figures = curve_figures(cases, [], [], ["ms"], ["stroke"], counted("a", "ms", 0.5) + counted("a", "stroke", 0.5))
    assert [one.title for one in figures] == [
        "Precision and recall",
        "The threshold",
        "How far the score can be believed",
    ]
    assert "ms, a: " in figures[0].light.alt
    assert "stored thresholds, found without" in figures[1].caption
    assert "the other persons of ms" in figures[2].caption
    assert "stroke: a 0.0" in figures[2].caption
    many = [one for stored in (0.1, 0.2, 0.3, 0.4) for one in counted("a", "ms", stored)]
    assert "they are not drawn" in curve_figures(cases, [], [], ["ms"], [], many)[1].caption


def test_sets_without_a_mark_are_named_and_the_legend_is_whole():
    sets = ["tumour", "stroke", "multiple sclerosis", "wmh", "haemorrhage", "ventricle", "mass"]
    cases = [case for name in sets for case in made("a", name, dice_oracle=0.5, lesion_ml=3.0)]
    figure = volume_figure(cases, ["a"], sets)
    assert figure.caption.endswith("Not drawn, for want of marks: mass.")
    with Image.open(io.BytesIO(figure.light.content)) as picture:
        margin = np.asarray(picture.convert("L"))[:, -4:]
    assert margin.min() > 250  # nothing runs out of the picture
