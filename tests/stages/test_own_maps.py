"""Stage I methods with an anomaly map of their own, from training to prediction."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from conftest import make_brain
from pseudohealthy.data.slices import generator
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.reconstructors.base import Reconstructor
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.score.median import median_in_mask
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.tensors import to_zyx
from pseudohealthy.stages.train_reconstructor import train_reconstructor

SMALL = {
    "draem": "{reconstructive: [8, 8], discriminative: [8, 8]}",
    "pii": "{unet: [8, 8]}",
    "disyre": "{widths: [8, 8], unshuffle: 4, restorations: 2}",
}
STEPS = "{steps: 2, batch_size: 2, validate_every_steps: 1, checkpoint_every_steps: 2}"


@pytest.mark.parametrize("method", SMALL)
def test_a_model_that_was_saved_gives_the_same_map(method, tmp_path, made_cohort):
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"reconstructor: {{method: {method}, settings: {SMALL[method]}}}\nreconstructor_training: {STEPS}\n"
    )
    with RunFolder.open(tmp_path / "run") as run:
        trained = train_reconstructor(
            made_cohort.split("train")[:1], made_cohort.split("validation"), load_recipe(path), run
        )
    loaded = load_model(tmp_path / "run" / "model")
    assert loaded.row == method
    whole = prepare_scan(make_brain((5.0, 5.0, 5.0)), GRIDS["small"])
    few = whole.mask.data.copy()
    few[:, :, :37] = few[:, :, 43:] = False  # six slices: networks need not see the others
    scan = replace(whole, mask=whole.mask.like(few))
    found = Inference(loaded).branches(scan).unsupervised
    x, mask = (torch.from_numpy(to_zyx(part.data))[:, None] for part in (scan.image, scan.mask))
    with torch.inference_mode():
        own = trained.reconstructor.anomaly_map(x, mask, generator(loaded.seed, "predict"))
    assert own is not None
    expected = median_in_mask(own[:, 0].numpy(), mask[:, 0].numpy(), loaded.recipe.score.median_voxels)
    np.testing.assert_allclose(found, expected, atol=5e-4)  # channels last rounds differently; these are untrained


def test_the_best_weights_are_those_of_the_method_s_own_validation_loss(tmp_path, monkeypatch, made_cohort):
    class Constant(Reconstructor):
        """Its own loss is 3 minus its only weight, which grows."""

        def __init__(self, settings):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def loss(self, x, rng):
            return -self.weight

        def reconstruct(self, x, rng):
            return x  # whose L1 is 0, whatever the weights

        def validation_loss(self, x, rng):
            return 3 - self.weight

    monkeypatch.setitem(RECONSTRUCTORS, "constant", (RECONSTRUCTORS["pii"][0], Constant))
    path = tmp_path / "recipe.yaml"
    path.write_text(f"reconstructor: {{method: constant}}\nreconstructor_training: {STEPS}\n")
    with RunFolder.open(tmp_path / "run") as run:
        model = train_reconstructor(
            made_cohort.split("train")[:1], made_cohort.split("validation"), load_recipe(path), run
        )
    weight = float(model.reconstructor.weight)
    assert weight > 0
    assert model.metrics["val_loss"] == pytest.approx(3 - weight)
