import itertools

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import average_precision_score, roc_auc_score

from pseudohealthy.evaluate.case_metrics import CASE_METRICS, case_metrics, slice_axis
from pseudohealthy.score.metrics import POLICY

AFFINE = np.diag((2.0, 2.0, 2.0, 1.0))
VOXEL_ML = 0.008


def ball(centre: tuple[int, int, int], radius: float, shape: tuple[int, int, int] = (30, 32, 28)) -> np.ndarray:
    grid = np.indices(shape)
    return sum((grid[i] - centre[i]) ** 2 for i in range(3)) <= radius**2


BRAIN = ball((15, 16, 14), 12)
LESION = ball((12, 14, 14), 3)
NOTHING = np.zeros_like(BRAIN)
P = LESION.sum() / BRAIN.sum()


def noisy_score(seed: int = 0) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=BRAIN.shape), 1) * 4
    return (np.clip(0.25 + 0.2 * noise + 0.3 * LESION, 0, 1) * BRAIN).astype(np.float32)


def test_keys_are_those_of_the_policy_and_the_volumes():
    assert set(POLICY) - {"image_auroc"} <= set(CASE_METRICS)
    assert tuple(case_metrics(noisy_score(), 0.5, LESION, BRAIN, AFFINE)) == CASE_METRICS


def test_every_metric_agrees_with_an_independent_computation():
    score = noisy_score()
    found = case_metrics(score, 0.45, LESION, BRAIN, AFFINE)
    prediction = (score > 0.45) & BRAIN
    overlap = (prediction & LESION).sum()
    labels, _ = ndimage.label(prediction, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())
    false = [i for i in range(1, len(sizes)) if sizes[i] >= 13 and not (LESION & (labels == i)).any()]
    assert found["dice"] == pytest.approx(2 * overlap / (prediction.sum() + LESION.sum()))
    assert found["auprc"] == pytest.approx(average_precision_score(LESION[BRAIN], score[BRAIN]))
    assert found["auroc"] == pytest.approx(roc_auc_score(LESION[BRAIN], score[BRAIN]))
    assert found["false_lesions"] == len(false)
    assert found["lesion_sensitivity"] == float(overlap >= 0.1 * LESION.sum())
    assert found["volume_error_ml"] == pytest.approx((prediction.sum() - LESION.sum()) * VOXEL_ML)
    assert found["fp_ml"] == pytest.approx((prediction & ~LESION).sum() * VOXEL_ML)
    assert found["volume_ml"] == pytest.approx(prediction.sum() * VOXEL_ML)
    assert found["lesion_ml"] == pytest.approx(LESION.sum() * VOXEL_ML)
    assert found["dice"] <= found["dice_oracle"] < 1
    assert found["hd95_mm"] > 0


def expected(policy: str) -> object:
    numbers = {"None": None, "0": 0.0, "0.5": 0.5, "p": P, "2p/(1+p)": 2 * P / (1 + P)}
    numbers["-lesion_ml"] = -LESION.sum() * VOXEL_ML
    return numbers.get(policy, "value")


@pytest.mark.parametrize("metric", [name for name in POLICY if name != "image_auroc"])
@pytest.mark.parametrize(
    ("column", "score", "threshold", "lesion"),
    [
        (0, noisy_score(), 0.3, NOTHING),
        (0, noisy_score(), 0.3, None),
        (1, noisy_score(), 1.0, LESION),
        (2, noisy_score(), 1.0, None),
        (3, np.full(BRAIN.shape, 0.7), 0.3, LESION),
    ],
    ids=["no lesion", "no mask", "no prediction", "neither", "constant score"],
)
def test_policy_table_is_what_happens(metric, column, score, threshold, lesion):
    wanted = expected(POLICY[metric][column])
    value = case_metrics(score, threshold, lesion, BRAIN, AFFINE)[metric]
    if wanted is None:
        assert value is None
    elif wanted == "value":
        assert np.isfinite(value)
    else:
        assert value == pytest.approx(wanted)


def test_a_row_without_a_stored_threshold_has_ranking_metrics_alone():
    found = case_metrics(noisy_score(), None, LESION, BRAIN, AFFINE)
    assert found["dice_oracle"] > 0.3
    for name in ("dice", "hd95_mm", "lesion_sensitivity", "false_lesions", "volume_error_ml", "fp_ml"):
        assert found[name] is None


def test_what_is_marked_in_slices_without_lesion_is_counted_along_their_axis():
    score = noisy_score()
    prediction = (score > 0.45) & BRAIN
    for axis in range(3):
        clear = ~np.moveaxis(LESION, axis, 0).any(axis=(1, 2))
        expected_ml = np.moveaxis(prediction, axis, 0)[clear].sum() * VOXEL_ML
        found = case_metrics(score, 0.45, LESION, BRAIN, AFFINE, slices_along=axis)
        assert found["fp_clear_slices_ml"] == pytest.approx(expected_ml)
        assert 0 < found["fp_clear_slices_ml"] < found["fp_ml"]
    by_default = case_metrics(score, 0.45, LESION, BRAIN, AFFINE)
    assert by_default == case_metrics(score, 0.45, LESION, BRAIN, AFFINE, slices_along=2)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_slices_follow_the_thickest_axis_and_the_upright_one_where_all_are_alike(order):
    def stored(spacing_mm):  # voxel axis i lies along the world's axis order[i], slightly tilted
        return np.vstack([np.column_stack([(np.eye(3) + 0.1)[:, order] * spacing_mm, np.zeros(3)]), [0, 0, 0, 1]])

    assert slice_axis(stored((1.0, 1.0, 1.0))) == order.index(2)
    for axis in range(3):
        assert slice_axis(stored([4.0 if each == axis else 1.0 for each in range(3)])) == axis


def test_what_lies_outside_the_brain_changes_nothing_and_is_reported():
    score, outside = noisy_score(), LESION | ball((2, 2, 2), 2)
    with_outside = case_metrics(np.where(BRAIN, score, 1.0), 0.45, outside, BRAIN, AFFINE)
    without = case_metrics(score, 0.45, LESION, BRAIN, AFFINE)
    assert with_outside["lesion_outside_ml"] == pytest.approx((outside & ~BRAIN).sum() * VOXEL_ML)
    # Slices with it are not clear, though nothing of it is counted.
    clear = ~outside.any(axis=(0, 1))
    marked_ml = ((score > 0.45) & BRAIN)[:, :, clear].sum() * VOXEL_ML
    assert with_outside["fp_clear_slices_ml"] == pytest.approx(marked_ml)
    assert marked_ml < without["fp_clear_slices_ml"]
    for name in ("lesion_outside_ml", "fp_clear_slices_ml"):
        with_outside[name] = without[name]
    assert with_outside == without


def test_voxels_are_weighed_by_their_own_spacing():
    thick = case_metrics(noisy_score(), 0.45, LESION, BRAIN, np.diag((1.0, 1.0, 5.0, 1.0)))
    cubic = case_metrics(noisy_score(), 0.45, LESION, BRAIN, AFFINE)
    assert thick["volume_ml"] == pytest.approx(cubic["volume_ml"] * 5 / 8)
    assert thick["dice"] == cubic["dice"]


def test_a_voxel_of_a_sheared_grid_has_the_volume_that_its_axes_span():
    sheared = AFFINE.copy()
    sheared[1, 2] = 0.8
    assert np.linalg.norm(sheared[:3, 2]) > 2.1
    found = case_metrics(noisy_score(), 0.45, LESION, BRAIN, sheared)
    assert found["lesion_ml"] == pytest.approx(LESION.sum() * VOXEL_ML)


def test_what_is_ignored_is_neither_found_nor_missed_and_its_slices_are_not_clear():
    score, ignored = noisy_score(), ball((18, 18, 20), 3) & ~LESION
    found = case_metrics(score, 0.45, LESION, BRAIN, AFFINE, ignored=ignored)
    cut = case_metrics(score, 0.45, LESION, BRAIN & ~ignored, AFFINE)
    clear = ~(LESION | ignored).any(axis=(0, 1))
    assert found["fp_clear_slices_ml"] == pytest.approx(((score > 0.45) & BRAIN)[:, :, clear].sum() * VOXEL_ML)
    assert found["fp_clear_slices_ml"] < cut["fp_clear_slices_ml"]
    assert found == {**cut, "fp_clear_slices_ml": found["fp_clear_slices_ml"]}


def test_excess_over_the_twin_is_the_mean_difference_inside_the_lesion():
    twin = noisy_score()
    score = twin + np.where(LESION, 0.125, 0.0)
    assert case_metrics(score, 0.5, LESION, BRAIN, AFFINE, twin)["excess_over_twin"] == pytest.approx(0.125)
    assert case_metrics(score, 0.5, None, BRAIN, AFFINE, twin)["excess_over_twin"] is None


def test_arrays_that_do_not_belong_together_and_nan_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        case_metrics(noisy_score()[1:], 0.5, LESION, BRAIN, AFFINE)
    with pytest.raises(ValueError, match="one shape"):
        case_metrics(noisy_score(), 0.5, None, NOTHING, AFFINE)
    with pytest.raises(ValueError, match="not finite"):
        case_metrics(np.where(LESION, np.nan, noisy_score()), 0.5, None, BRAIN, AFFINE)
