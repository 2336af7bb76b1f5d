"""Labels that are neither lesion nor healthy: they leave the loss, the thresholds and the metrics, and only they."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from made_cohort import write_made_cohort
from pseudohealthy.data.slices import SliceBatch
from pseudohealthy.errors import CohortError
from pseudohealthy.evaluate.case_metrics import case_metrics
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.lesions import read_lesion_mask
from pseudohealthy.io.volume import read_volume, write_volume
from pseudohealthy.models.segmenters import Segmenter
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.score.thresholds import lesion_threshold
from pseudohealthy.stages.calibrate import calibrate, native_scores
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.tensors import lesion_zyx, read_case, store_cohort, to_zyx
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import loss_of, pooled_dice, train_segmenter
from pseudohealthy.workflows.evaluate_cohort import evaluate_cohort


def with_other_pathology(case, folder, *, lesion=True):
    """The case with its ball on the right as it is, and the mirror image of the ball as other pathology, label 2."""
    ball = read_lesion_mask(case, read_volume(case.image)).lesion
    labels = np.where(ball.data, 1 if lesion else 0, np.where(ball.data[::-1], 2, 0)).astype(np.uint8)
    write_volume(ball.like(labels), folder / f"{case.name}_labels.nii.gz")
    return replace(case, lesion_mask=folder / f"{case.name}_labels.nii.gz", ignored_labels=(2,))


@pytest.fixture(scope="module")
def labelled(made_cohort, tmp_path_factory):
    """The made cohort; what is annotated has other pathology, too."""
    folder = tmp_path_factory.mktemp("labelled")
    return Cohort(with_other_pathology(case, folder) if case.lesion_mask else case for case in made_cohort)


class Logits(Segmenter):
    """A segmenter without a network: its parameters are its logits."""

    uses_residual = False

    def __init__(self, start):
        super().__init__()
        self.logits = torch.nn.Parameter(start.clone())

    def forward(self, x, residual):
        return self.logits


class Fixed:
    """Always the same batch."""

    slab = 1

    def __init__(self, batch):
        self.batch = batch

    def draw(self, step, rng):
        return self.batch


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(2, 1, 12, 10, generator=rng)
    lesion = (torch.rand(x.shape, generator=rng) > 0.8).float()
    ignored = torch.zeros(x.shape, dtype=torch.bool)
    ignored[:, :, 2:5, 6:9] = True
    return SliceBatch(x, torch.ones_like(ignored), lesion * ~ignored, ignored, torch.arange(2))


def gradient(batch, *settings):
    network = Logits(torch.linspace(-3, 3, batch.x.numel()).reshape(batch.x.shape))
    recipe = load_recipe("smoke", [f"augment.{key}" for key in ("gamma=0", "bias_field=0", "blur=0", "ghosting=0")])
    recipe = replace(recipe, augment=replace(recipe.augment, mirror=float("mirror" in settings)))
    loss = loss_of(Fixed(batch), None, recipe)(network, 0)
    loss.backward()
    return loss, network


def test_ignored_pixels_add_nothing_to_the_loss_also_when_the_slice_is_mirrored(batch):
    for settings, ignored in (((), batch.ignored), (("mirror",), batch.ignored.flip(-1))):
        loss, network = gradient(batch, *settings)
        assert not network.logits.grad[ignored].any()
        assert network.logits.grad[~ignored].all()
        lie = replace(batch, lesion=torch.where(batch.ignored, 1.0, batch.lesion))
        assert gradient(lie, *settings)[0] == loss


def test_where_nothing_is_ignored_loss_and_gradient_are_the_usual_ones_bit_by_bit(batch):
    plain = replace(batch, ignored=torch.zeros_like(batch.ignored))
    loss, network = gradient(plain)
    usual = Logits(network.logits.detach())
    expected = functional.binary_cross_entropy_with_logits(usual.logits, plain.lesion)
    expected.backward()
    assert torch.equal(loss, expected)
    assert torch.equal(network.logits.grad, usual.logits.grad)


def test_validation_dice_forgives_what_is_marked_there(batch):
    marked = (batch.lesion.bool() | batch.ignored).float()
    assert pooled_dice(marked, batch) == 1.0
    assert pooled_dice(marked, replace(batch, ignored=torch.zeros_like(batch.ignored))) < 1.0


def test_stored_slices_know_lesion_and_ignored_apart(labelled, tmp_path):
    store = store_cohort(labelled.split("annotated"), tmp_path, "small", "brainbox")
    assert store.lesions.any(axis=(1, 2, 3)).all()
    assert store.ignored.any(axis=(1, 2, 3)).all()
    assert not (store.lesions & store.ignored).any()
    assert not (store.ignored & ~store.masks).any()
    drawn = store.batch(np.array([0]), store.with_lesion()[0][:1])
    assert drawn.ignored.any()
    assert drawn.ignored.dtype == torch.bool


def test_stage_2_trains_on_them(labelled, fitted, tmp_path):
    scans = Supervision(Cohort(()), labelled.split("annotated"), labelled.split("validation"))
    with RunFolder.open(tmp_path) as run:
        model = train_segmenter(load_model(fitted.stage_1), scans, load_recipe("smoke"), run)
    assert np.isfinite(model.metrics["segmenter_val_loss"])


def test_stage_1_refuses_a_scan_with_other_pathology_alone(tmp_path):
    cohort = write_made_cohort(tmp_path, {"train": ("ball", 1), "validation": ("healthy", 1)})
    case = with_other_pathology(cohort[0], tmp_path, lesion=False)
    with pytest.raises(CohortError, match="lesions in sub-00"), RunFolder.open(tmp_path / "run") as run:
        train_reconstructor(Cohort([case]), cohort.split("validation"), load_recipe("smoke"), run)


def test_metrics_are_those_of_the_brain_without_them(labelled, fitted):
    model, case = fitted.load(), labelled.split("test")[0]
    scan = read_case(case, GRIDS["small"], "brainbox")
    mask = read_lesion_mask(case, scan.native)
    inference = Inference(model)
    scores = inference.rows(scan, inference.branches(scan))
    native = native_scores(scan, scores)
    found = {(c.row, c.grid): c.metrics for c in evaluate_cohort([model], Cohort([case])).cases}
    brain, on_grid = scan.native_mask.data, to_zyx(scan.mask.data)
    native_affine, grid_affine = scan.native.affine, scan.world_from_grid[:, [2, 1, 0, 3]]
    lesion, ignored = lesion_zyx(mask, scan)
    for row in ("zmap", "cddpm", "sadm_res"):
        threshold = model.calibration[row]["healthy"].value
        assert found[row, "native"] == case_metrics(
            native[row], threshold, mask.lesion.data, brain, native_affine, ignored=mask.ignored.data
        )
        assert found[row, "model"] == case_metrics(
            scores[row], threshold, lesion, on_grid, grid_affine, ignored=ignored, slices_along=0
        )
        blind = case_metrics(native[row], threshold, mask.lesion.data, scan.native_mask.data, native_affine)
        forgiven = (native[row] > threshold) & mask.ignored.data & scan.native_mask.data
        forgiven_ml = float(np.count_nonzero(forgiven) * scan.native.voxel_ml)
        assert blind["fp_ml"] - found[row, "native"]["fp_ml"] == pytest.approx(forgiven_ml)
    assert found["constant", "native"]["dice_oracle"] > 2 * case_share(mask, scan) / (1 + case_share(mask, scan))


def case_share(mask, scan):
    """The lesion's share of the whole brain."""
    return float((mask.lesion.data & scan.native_mask.data).sum() / scan.native_mask.data.sum())


def test_the_lesion_threshold_is_found_without_them(labelled, fitted):
    case = labelled.split("test")[0]
    (model,) = calibrate([load_model(fitted.stage_1)], Cohort([case]))
    scan = read_case(case, GRIDS["small"], "brainbox")
    mask = read_lesion_mask(case, scan.native)
    inference = Inference(load_model(fitted.stage_1))
    native = native_scores(scan, inference.rows(scan, inference.branches(scan)))["cddpm"]
    counted = scan.native_mask.data & ~mask.ignored.data
    expected = lesion_threshold([native[counted]], [mask.lesion.data[counted]], [np.ones(counted.sum(), bool)])
    assert model.calibration["cddpm"]["lesion"] == expected
