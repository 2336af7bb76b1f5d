"""From a scan to its score and mask: the same whoever comes with it, in its own grid, on its own scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import make_brain, world_mm
from fitted import Fitted
from pseudohealthy.errors import ConfigError
from pseudohealthy.io.volume import Volume, read_volume, write_volume
from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.models.reconstructors import Reconstructor
from pseudohealthy.models.segmenters import Segmenter
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import PreparedScan, prepare_scan
from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model, load_model
from pseudohealthy.stages.prediction import Prediction
from pseudohealthy.stages.tensors import read_case, to_zyx

WHITE = 0.887  # of white matter on the model's scale
THRESHOLD = given_threshold(0.25)


class WhiteBrain(Reconstructor):
    """Takes all of the brain for white matter: then dark things are found, without any training."""

    def loss(self, x: Tensor, rng: torch.Generator) -> Tensor:
        raise NotImplementedError

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        return torch.full_like(x, WHITE)


class Steps(WhiteBrain):
    """Two views, as of two t."""

    def views(self, x: Tensor, rng: torch.Generator) -> Tensor:
        return torch.stack([x - 3.0, x + 1.0])


class Residual(Segmenter):
    """Its logits are the residual; it keeps what it was given."""

    uses_residual = True

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Tensor] = []

    def __deepcopy__(self, memo: dict[int, object]) -> Residual:
        return self  # inference works on a copy; what that was given is asked here

    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        assert residual is not None
        self.given.append(residual)
        return residual


@pytest.fixture
def white(fitted: Fitted) -> Model:
    model = load_model(fitted.stage_1)
    score = replace(model.recipe.score, map="darker")
    return replace(model, reconstructor=WhiteBrain(), recipe=replace(model.recipe, score=score))


def prepared(volume: Volume, model: Model) -> PreparedScan:
    return prepare_scan(volume, GRIDS[model.recipe.grid], None, model.recipe.space)


def predict(volume: Volume, model: Model) -> Prediction:
    return Inference(model).predict(prepared(volume, model), THRESHOLD)


def test_a_scan_scores_the_same_alone_in_a_cohort_and_in_another_order(fitted):
    model, scans = fitted.load(), {}
    for case in fitted.cohort.split("test"):
        scans[case.name] = read_case(case, GRIDS[model.recipe.grid], model.recipe.space)
    names = list(scans)
    inference = Inference(model)
    forwards = {name: inference.predict(scans[name], THRESHOLD) for name in names}
    backwards = {name: inference.predict(scans[name], THRESHOLD) for name in reversed(names)}
    alone = Inference(fitted.load()).predict(scans[names[1]], THRESHOLD)
    for name, other in [*backwards.items(), (names[1], alone)]:
        for part in ("reconstruction", "score", "unsupervised", "supervised", "mask"):
            np.testing.assert_array_equal(getattr(forwards[name], part).data, getattr(other, part).data)
    assert not np.array_equal(forwards[names[0]].score.data, forwards[names[1]].score.data)


C, S = np.cos(np.radians(15)), np.sin(np.radians(15))
STORAGES = {
    "LAS": np.diag([-2.0, 2.0, 2.0]),
    "oblique": 2 * np.array([[1, 0, 0], [0, C, -S], [0, S, C]]),
    "1x1x5 mm": np.diag([1.0, 1.0, 5.0]),
}
CENTRE_MM = (34.0, -34.0, 14.0)  # in white matter: right, behind the middle, above
RADIUS_MM = 6.0


def int16_scan(axes: np.ndarray, path: Path, radius_mm: float) -> Volume:
    """A scan as a scanner's export may be: int16, a qform alone, with a dark sphere on its right."""
    brain = make_brain(axes, noise=0)
    distance = np.linalg.norm(world_mm(brain) - np.reshape(CENTRE_MM, (3, 1, 1, 1)), axis=0)
    share = np.clip(radius_mm - distance + 0.5, 0, 1)
    image = nib.Nifti1Image(np.rint(brain.data - 700 * share * (brain.data != 0)).astype(np.int16), None)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(brain.affine, 0)
    image.set_qform(brain.affine, 1)
    image.to_filename(path)
    return read_volume(path)


@pytest.mark.parametrize("storage", STORAGES)
def test_outputs_lie_where_the_scan_lies_and_left_stays_left(storage, tmp_path, white):
    scan = int16_scan(STORAGES[storage], tmp_path / "scan.nii.gz", RADIUS_MM)
    healthy = predict(int16_scan(STORAGES[storage], tmp_path / "healthy.nii.gz", 0.0), white)
    found = predict(scan, white)

    before = nib.load(tmp_path / "scan.nii.gz")
    for name in ("reconstruction", "score", "unsupervised", "mask"):
        write_volume(getattr(found, name), tmp_path / f"{name}.nii.gz")
        after = nib.load(tmp_path / f"{name}.nii.gz")
        assert after.shape == before.shape
        np.testing.assert_array_equal(after.affine, before.affine)
        assert [int(after.header[code]) for code in ("qform_code", "sform_code")] == [1, 0]
        assert after.header.get_xyzt_units()[0] == "mm"
        assert after.get_data_dtype() == (np.uint8 if name == "mask" else np.float32)

    weight = np.where(found.score.data - healthy.score.data > 0.2, found.score.data, 0)
    centroid = (world_mm(scan) * weight).sum(axis=(1, 2, 3)) / weight.sum()
    slack = np.array([1.0, 1.0, 2.5 if storage == "1x1x5 mm" else 1.0])  # half a slice
    assert (np.abs(centroid - CENTRE_MM) < slack).all()


def test_scores_lie_in_the_unit_range_and_are_zero_outside_the_brain(fitted):
    scan = make_brain((4.0, 4.0, 4.0))
    found = predict(scan, fitted.load())
    assert found.supervised is not None
    for part in (found.score, found.unsupervised, found.supervised):
        assert part.data.dtype == np.float32
        assert part.data.min() >= 0
        assert 0 < part.data.max() <= 1
        assert not part.data[scan.data == 0].any()
    assert not found.reconstruction.data[scan.data == 0].any()
    np.testing.assert_array_equal(found.mask.data, (found.score.data > THRESHOLD.value) & (scan.data != 0))
    np.testing.assert_allclose(found.score.data, 0.5 * found.unsupervised.data + 0.5 * found.supervised.data, atol=1e-6)


def test_the_mask_is_strictly_above_the_threshold(white):
    scan = prepared(make_brain((5.0, 5.0, 5.0)), white)
    inference = Inference(white)
    branches = inference.branches(scan)
    peak = float(inference.predict(scan, THRESHOLD, branches=branches).score.data.max())
    at, below = (inference.predict(scan, given_threshold(t), branches=branches) for t in (peak, peak - 1e-6))
    assert (at.mask.data.any(), below.mask.data.any()) == (False, True)
    assert at.lesions == ()


def test_the_reconstruction_is_on_the_scans_own_intensity_scale(white):
    scan = make_brain((4.0, 4.0, 4.0))
    found = predict(scan, white)
    inside = found.reconstruction.data[scan.data > 850]
    assert np.median(inside) == pytest.approx(1000.0, rel=0.02)


def test_scanner_units_change_the_reconstruction_alike_and_no_score(fitted):
    scan = make_brain((4.0, 4.0, 4.0))
    model = fitted.load()
    one, thousand = predict(scan, model), predict(scan.like(1000 * scan.data), model)
    np.testing.assert_allclose(thousand.reconstruction.data, 1000 * one.reconstruction.data, rtol=1e-3)
    np.testing.assert_allclose(thousand.score.data, one.score.data, atol=1e-3)


def test_brain_outside_the_models_field_scores_zero_and_is_told(white):
    low = replace(white, recipe=replace(white.recipe, grid="paper"))  # 100 mm high
    scan = make_brain((4.0, 4.0, 4.0))
    found, whole = predict(scan, low), predict(scan, white)
    assert 0.7 < found.coverage < 0.95
    assert found.warnings == (
        f"{100 * (1 - found.coverage):.0f} % of the brain lie outside the model grid's field and score 0.",
    )
    top = world_mm(scan)[2] > 56
    assert whole.score.data[top].any()
    assert not found.score.data[top].any()
    assert (whole.coverage, whole.warnings) == (1.0, ())


def test_what_was_odd_in_the_file_is_told_with_the_result(white):
    scan = replace(make_brain((4.0, 4.0, 4.0)), warnings=("left and right are assumed",))
    assert predict(scan, white).warnings == ("left and right are assumed",)


@pytest.mark.parametrize(
    ("folder", "reference", "names"),
    [
        ("stage_1", "reconstruction", [*DETECTORS, "cddpm"]),
        (
            "uncalibrated",
            "reconstruction",
            [*DETECTORS, "cddpm", "unet_res", "sadm_res"],
        ),
        (
            "uncalibrated",
            "input",
            [
                "constant",
                "threshold",
                "threshold_dark",
                "zmap",
                "zmap_dark",
                "cddpm",
                "unet_res_input",
                "sadm_res_input",
            ],
        ),
    ],
)
def test_rows_of_a_model(folder, reference, names, fitted):
    model = replace(load_model(getattr(fitted, folder)), reference=reference)
    inference, scan = Inference(model), prepared(make_brain((5.0, 5.0, 5.0)), model)
    branches = inference.branches(scan)
    rows = inference.rows(scan, branches)
    assert list(rows) == names
    assert list(inference.rows(scan, branches, baselines=False)) == (names[6:] or names[5:])
    np.testing.assert_array_equal(rows["cddpm"], branches.unsupervised)
    if model.segmenter is None:
        assert branches.supervised is None
        assert model.row == "cddpm"
    else:
        np.testing.assert_array_equal(rows[names[6]], branches.supervised)
        np.testing.assert_allclose(rows[names[7]], (rows["cddpm"] + rows[names[6]]) / 2, atol=1e-6)


def test_synthetic_supervision_is_part_of_a_rows_name(fitted):
    model = load_model(fitted.uncalibrated)
    supervision = replace(model.recipe.supervision, synthetic="draem")
    assert replace(model, recipe=replace(model.recipe, supervision=supervision)).row == "sadm_res_draem"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("reconstruction", lambda x, mean: x - WHITE),
        ("input", lambda x, mean: torch.zeros_like(x)),
        ("population", lambda x, mean: x - mean),
    ],
)
def test_the_segmenter_is_given_the_residual_of_its_reference(
    reference: str, expected: Callable[[Tensor, Tensor], Tensor], white: Model
):
    segmenter = Residual()
    model = replace(white, segmenter=segmenter, reference=reference)
    scan = prepared(make_brain((5.0, 5.0, 5.0)), model)
    Inference(model).branches(scan)
    x, mask = (torch.from_numpy(to_zyx(part.data)) for part in (scan.image, scan.mask))
    slices = mask.any(dim=2).any(dim=1)
    given = torch.cat(segmenter.given)[:, 0]
    wanted = expected(x, torch.from_numpy(model.population.mean)) * mask
    assert torch.allclose(given, wanted[slices], atol=1e-6)
    assert given.any() == (reference != "input")


def test_an_unknown_reference_is_refused(white):
    with pytest.raises(ConfigError, match="reconstruction, input, population"):
        Inference(replace(white, segmenter=Residual(), reference="mirror"))


def test_probabilities_are_averaged_over_the_views_and_not_their_residuals(white):
    model = replace(white, reconstructor=Steps(), segmenter=Residual())
    scan = prepared(make_brain((5.0, 5.0, 5.0)), model)
    branches = Inference(model).branches(scan)
    inside = to_zyx(scan.mask.data)
    x = to_zyx(scan.image.data)
    assert branches.supervised is not None
    each = [torch.tensor(3.0).sigmoid().item(), torch.tensor(-1.0).sigmoid().item()]
    np.testing.assert_allclose(branches.supervised[inside], np.mean(each), atol=1e-6)
    np.testing.assert_allclose(branches.reconstruction[inside], x[inside] - 1.0, atol=1e-6)


def test_a_recipe_may_have_stage_2_see_the_mean_reconstruction_in_one_pass(white):
    recipe = replace(white.recipe, score=replace(white.recipe.score, segmented="mean"))
    segmenter = Residual()
    model = replace(white, recipe=recipe, reconstructor=Steps(), segmenter=segmenter)
    scan = prepared(make_brain((5.0, 5.0, 5.0)), model)
    branches = Inference(model).branches(scan)
    inside = to_zyx(scan.mask.data)
    assert branches.supervised is not None
    np.testing.assert_allclose(branches.supervised[inside], torch.tensor(1.0).sigmoid().item(), atol=1e-6)
    slices = int(inside.any(axis=(1, 2)).sum())
    assert len(torch.cat(segmenter.given)) == slices
