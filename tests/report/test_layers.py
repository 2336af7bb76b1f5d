"""What the viewer shows is the prediction: its masks, its volumes, its place in the world."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from pseudohealthy.report.layers import STEPS, Layers, make_layers, stored_step, threshold_table
from pseudohealthy.score.thresholds import Threshold, given_threshold

FLIPPED = np.array([[0, 0, -4.0], [-4.0, 0, 0], [0, 4.0, 0]])  # x backwards, y leftwards, z upwards


def image(layers: Layers, name: str) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(gzip.decompress(layers.layers[name].content))


def raw(layers: Layers, name: str) -> np.ndarray:
    return np.asarray(image(layers, name).dataobj.get_unscaled())


@pytest.mark.parametrize("threshold", [0.0, 0.3217, 0.5, 0.9993, 1.0])
def test_the_table_holds_the_volume_of_the_mask_at_every_threshold(make_prediction, threshold):
    prediction, _ = make_prediction()
    prediction = dataclasses.replace(prediction, threshold=Threshold(threshold, "healthy", 4, "n = 4"))
    thresholds, volumes = threshold_table(prediction)
    assert len(thresholds) == STEPS + 1
    assert (np.diff(thresholds) > 0).all()
    assert thresholds[stored_step(threshold)] == threshold
    brain = prediction.brain_mask.data
    for value, volume in zip(thresholds, volumes, strict=True):
        assert volume == pytest.approx(((prediction.score.data > value) & brain).sum() * 0.064)


@pytest.mark.parametrize("axes", [(4.0, 4.0, 4.0), FLIPPED], ids=["RAS", "PLS"])
def test_steps_above_a_threshold_are_the_mask_of_it(make_prediction, axes):
    prediction, truth = make_prediction(axes)
    thresholds, _ = threshold_table(prediction)
    layers = make_layers(prediction, thresholds, truth)
    assert layers.coarser == (1, 1, 1)
    shown = image(layers, "score")
    assert nib.aff2axcodes(shown.affine) == ("R", "A", "S")
    native = np.linalg.inv(prediction.score.affine) @ shown.affine
    where = np.rint(native[:3, :3] @ np.indices(shown.shape).reshape(3, -1) + native[:3, 3:]).astype(int)
    score = prediction.score.data[tuple(where)] * prediction.brain_mask.data[tuple(where)]
    for step in (0, 31, 60, stored_step(0.5), 170):
        mask = (score > np.float32(thresholds[step])).reshape(shown.shape)
        np.testing.assert_array_equal(raw(layers, "score") > step, mask)
    np.testing.assert_array_equal(raw(layers, "truth").ravel() > 0, truth.data[tuple(where)])


def test_grey_levels_and_the_signed_residual_are_told_in_the_scan_s_units(make_prediction):
    prediction, truth = make_prediction(noise=5.0)
    layers = make_layers(prediction, threshold_table(prediction)[0], truth)
    lesion = raw(layers, "truth") > 0
    scan, healthy, residual = (image(layers, name).get_fdata() for name in ("scan", "reconstruction", "residual"))
    assert np.median(scan[lesion]) == pytest.approx(450, abs=5)
    assert np.median(healthy[lesion]) == pytest.approx(1000, abs=15)
    assert np.median(residual[lesion]) == pytest.approx(
        layers.layers["residual"].low + 5, abs=10
    )  # darker than it shows
    outside = raw(layers, "residual") == 0
    assert outside.any()
    beside = (raw(layers, "residual") > 0) & ~lesion
    assert np.abs(residual[beside]).max() < 5


def test_too_large_layers_are_coarser_in_the_same_place_and_say_so(make_prediction):
    prediction, truth = make_prediction((2.0, 2.0, 4.0))
    thresholds, _ = threshold_table(prediction)
    fine = make_layers(prediction, thresholds, truth)
    coarse = make_layers(
        prediction, thresholds, truth, most_bytes=sum(len(one.content) for one in fine.layers.values()) // 3
    )
    assert coarse.coarser == (2, 2, 1)
    assert coarse.spacing_mm == pytest.approx((4.0, 4.0, 4.0))
    centres = []
    for layers in (fine, coarse):
        voxels = np.argwhere(raw(layers, "truth"))
        centres.append(nib.affines.apply_affine(image(layers, "truth").affine, voxels).mean(axis=0))
    np.testing.assert_allclose(centres[0], centres[1], atol=0.5)


def test_the_same_prediction_gives_the_same_bytes(make_prediction):
    prediction, truth = make_prediction()
    thresholds, _ = threshold_table(prediction)
    first, second = (make_layers(prediction, thresholds, truth) for _ in range(2))
    assert {name: one.content for name, one in first.layers.items()} == {
        name: one.content for name, one in second.layers.items()
    }


def test_a_scan_without_brain_mask_voxels_or_lesion_is_shown_whole(make_prediction):
    prediction, _ = make_prediction()
    nothing = prediction.score.like(np.zeros(prediction.scan.shape, bool))
    empty = dataclasses.replace(
        prediction, brain_mask=nothing, mask=nothing, lesions=(), threshold=given_threshold(0.5)
    )
    thresholds, volumes = threshold_table(empty)
    assert not volumes.any()
    assert make_layers(empty, thresholds).shape == prediction.scan.shape


def test_the_vendored_library_is_the_one_that_the_licences_name():
    root = Path(__file__).parents[2]
    licences = (root / "THIRD_PARTY_LICENSES").read_text(encoding="utf-8")
    import hashlib

    from pseudohealthy.report.viewer import NIIVUE

    content = (root / "src" / "pseudohealthy" / "report" / "assets" / NIIVUE).read_bytes()
    assert NIIVUE in licences
    assert hashlib.sha256(content).hexdigest() in licences
