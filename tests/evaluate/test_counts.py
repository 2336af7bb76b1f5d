import numpy as np
import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.evaluate.case_metrics import case_metrics
from pseudohealthy.evaluate.counts import count, read_counts, write_counts
from pseudohealthy.evaluate.curves import Point
from pseudohealthy.evaluate.operating import (
    RECALLS,
    dice_against_threshold,
    dice_at,
    precision_at,
    precision_recall,
    stored_thresholds,
)
from pseudohealthy.evaluate.reliability import reliability
from pseudohealthy.evaluate.statistics import bootstrap_mean
from pseudohealthy.score.counts import THRESHOLDS
from pseudohealthy.score.ranking import rank

SHAPE = (12, 14, 10)


def made(person, *, lesion=True, test_set="ms", bend=1.0, scan=0, stored=0.5):
    """A scan whose score is right in that share of its voxels, to the power of `bend`."""
    rng = np.random.default_rng([scan, *person.encode()])
    brain, promised = rng.random(SHAPE) < 0.8, rng.random(SHAPE)
    truth = (rng.random(SHAPE) < promised**bend) if lesion else None
    score = promised.astype(np.float32)
    names = ("a", test_set, f"{person}-{scan}", person)
    return count(names, stored, 0.008, score, truth, brain), (score, truth, brain)


def test_counts_are_those_of_the_masks_and_survive_their_file(tmp_path) -> None:
    one, (score, truth, brain) = made("p1")
    healthy, _ = made("p2", lesion=False, test_set="healthy", stored=None)
    for place in (0, 20, 63):
        marked = (score > np.float32(THRESHOLDS[place])) & brain
        assert one.tp[place] == np.count_nonzero(marked & truth)
        assert one.fp[place] == np.count_nonzero(marked & ~truth)
    assert (one.lesion + one.other, healthy.lesion) == (np.count_nonzero(brain), 0)
    write_counts([one, healthy], tmp_path / "counts.tsv")
    again = read_counts(tmp_path / "counts.tsv")
    for before, after in zip((one, healthy), again, strict=True):
        for name, value in vars(before).items():
            np.testing.assert_array_equal(getattr(after, name), value)
    lines = (tmp_path / "counts.tsv").read_text().splitlines()
    assert lines[0].split("\t")[8] == "tp>0"
    (tmp_path / "counts.tsv").write_text("\n".join([lines[0], lines[1] + "\t1"]))
    with pytest.raises(CohortError, match="137 instead of 136"):
        read_counts(tmp_path / "counts.tsv")


def test_curves_are_those_of_the_whole_score() -> None:
    one, (score, truth, brain) = made("p1")
    metrics = case_metrics(score, float(THRESHOLDS[30]), truth, brain, np.diag((2.0, 2.0, 2.0, 1.0)))
    assert dice_at(one)[30] == pytest.approx(metrics["dice"])
    assert dice_at(one).max() <= metrics["dice_oracle"]
    exact = rank(score[truth & brain], score[brain & ~truth])
    assert precision_at(one).mean() == pytest.approx(exact.auprc, abs=0.03)
    assert precision_at(one)[-1] >= one.lesion / (one.lesion + one.other)  # everything marked is the lowest it gets
    lost = count(("a", "ms", "x", "x"), None, 1.0, np.zeros(SHAPE, np.float32), truth, brain)
    np.testing.assert_allclose(precision_at(lost), lost.lesion / (lost.lesion + lost.other))


def test_means_and_bands_are_over_persons() -> None:
    counts = [made(person, scan=scan)[0] for person in ("p1", "p2", "p3") for scan in range(2)]
    counts += [made("p9", lesion=False)[0], made("p8", test_set="stroke", stored=0.25)[0]]
    persons = [one.subject for one in counts[:6]]
    curve = dice_against_threshold(counts, "a", "ms")
    at = 30
    assert curve[at] == Point(
        float(THRESHOLDS[at]), bootstrap_mean([dice_at(one)[at] for one in counts[:6]], persons, 0)
    )
    assert [point.x for point in precision_recall(counts, "a", "ms")] == RECALLS.tolist()
    assert precision_recall(counts, "a", "healthy") == dice_against_threshold(counts, "b", "ms") == []
    assert stored_thresholds(counts, "a") == (0.25, 0.5)


def test_a_score_that_is_a_share_of_lesion_is_reliable_and_its_square_becomes_so() -> None:
    for bend in (1.0, 2.0):
        counts = [made(f"p{number}", bend=bend)[0] for number in range(8)]
        found = reliability(counts, "a", ["ms"], "ms")
        assert found.error < 0.03
        assert max(abs(point.x - point.estimate.mean) for point in found.points) < 0.15
    # The map of one set promises too much on another, where the same score is rarer right.
    far = [made(f"q{number}", bend=6.0, test_set="stroke")[0] for number in range(8)]
    carried = reliability([*counts, *far], "a", ["ms"], "stroke")
    assert carried.error > 0.1
    assert all(point.x > point.estimate.mean for point in carried.points[1:])
    assert reliability(counts[:2], "a", ["ms"], "ms") is None
