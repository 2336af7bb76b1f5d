import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from pseudohealthy.score.ranking import rank


@pytest.mark.parametrize("levels", [3, 20, 10**6])
@pytest.mark.parametrize("prevalence", [0.02, 0.5, 0.9])
def test_equals_scikit_learn_with_and_without_ties(levels, prevalence):
    rng = np.random.default_rng(levels)
    labels = rng.random(3000) < prevalence
    scores = (np.floor(levels * np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)) / levels).astype(np.float32)
    ranking = rank(scores[labels], scores[~labels])
    assert ranking.auprc == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert ranking.auroc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_oracle_dice_is_the_best_of_all_thresholds_tried_one_by_one():
    rng = np.random.default_rng(5)
    labels = rng.random(300) < 0.2
    scores = np.round(rng.normal(0.3 + 0.3 * labels, 0.2), 2)
    thresholds = np.append(np.unique(scores), -np.inf)
    tried = max(f1_score(labels, scores > threshold) for threshold in thresholds)
    assert rank(scores[labels], scores[~labels]).dice_oracle == pytest.approx(tried, abs=1e-12)


@pytest.mark.parametrize(("lesion", "other"), [(1, 99), (30, 70), (50, 1)])
def test_a_constant_score_has_the_closed_forms(lesion, other):
    p = lesion / (lesion + other)
    ranking = rank(np.full(lesion, 0.3), np.full(other, 0.3))
    assert ranking.dice_oracle == pytest.approx(2 * p / (1 + p))
    assert ranking.auprc == pytest.approx(p)
    assert ranking.auroc == 0.5


def test_perfect_and_reversed_scores():
    best = rank(np.array([0.8, 0.9]), np.array([0.1, 0.2, 0.3]))
    assert (best.dice_oracle, best.auprc, best.auroc) == (1, 1, 1)
    assert rank(np.array([0.1]), np.array([0.2, 0.3])).auroc == 0


def test_undefined_without_lesion_voxels_and_auroc_without_others():
    assert rank(np.array([]), np.array([0.1])) is None
    alone = rank(np.array([0.1, 0.2]), np.array([]))
    assert (alone.dice_oracle, alone.auprc, alone.auroc) == (1, 1, None)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="not finite"):
        rank(np.array([0.1, bad]), np.array([0.2]))
    with pytest.raises(ValueError, match="not finite"):
        rank(np.array([0.1]), np.array([bad, 0.2]))
