"""Every method of Stage I from a model folder to a map, and Stage II on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import make_brain
from made_features import made_checkpoint, write_made_weights
from pseudohealthy.config import MethodChoice
from pseudohealthy.errors import ModelFolderError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.reconstructors.feature_method import FeatureMethod
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import PreparedScan, prepare_scan
from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model, load_model, save_model
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import train_segmenter

DIFFUSION: dict[str, Any] = {"widths": (8, 8), "blocks": 1, "unshuffle": 4, "test_steps": (300, 600)}
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddpm": ("ddpm", DIFFUSION),
    "ddpm_gaussian": ("ddpm", {**DIFFUSION, "noise": "gaussian", "noise_scale": 1.0}),
    "ddpm_pyramid": ("ddpm", {**DIFFUSION, "noise": "pyramid", "noise_scale": 1.0}),
    "pddpm": ("pddpm", {**DIFFUSION, "test_steps": (500,)}),
    "ae": ("ae", {"widths": (8, 8), "latent": 8}),
    "vae": ("vae", {"widths": (8, 8), "latent": 8, "test_samples": 2}),
    "dae": ("dae", {"widths": (8, 8)}),
    "fae": ("fae", {"widths": (8, 8, 8), "zoom": 1}),
    "rd": ("rd", {"width": 8, "zoom": 1}),
}
"""Row -> (method, settings of a tiny network)."""


@pytest.fixture(scope="module")
def scan() -> PreparedScan:
    """Six slices of a brain: networks need not see the others."""
    whole = prepare_scan(make_brain((5.0, 5.0, 5.0)), GRIDS["small"])
    few = whole.mask.data.copy()
    few[:, :, :37] = few[:, :, 43:] = False
    return replace(whole, mask=whole.mask.like(few))


def model_of(row: str, stage_1: Path) -> Model:
    """A model that was never trained, with every layer at work."""
    method, given = METHODS[row]
    settings, network = RECONSTRUCTORS[method]
    torch.manual_seed(0)
    made = network(settings(**given))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    if isinstance(made, FeatureMethod):
        made.features.load_checkpoint(made_checkpoint())
    fitted = load_model(stage_1)
    recipe = replace(fitted.recipe, reconstructor=MethodChoice(method, settings(**given)))
    return replace(fitted, recipe=recipe, reconstructor=made.eval().requires_grad_(False))


@pytest.mark.parametrize("row", METHODS)
def test_a_saved_model_is_named_after_its_method_and_gives_the_same_map(row, tmp_path, fitted, scan):
    model = model_of(row, fitted.stage_1)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.row == row
    assert f"method `{METHODS[row][0]}` (source" in (tmp_path / "model" / "README.md").read_text()
    before, after = Inference(model).reconstruct(scan), Inference(loaded).reconstruct(scan)
    np.testing.assert_array_equal(after.unsupervised, before.unsupervised)
    np.testing.assert_array_equal(after.mean, before.mean)
    assert after.unsupervised.std() > 0
    rows = Inference(loaded).rows(scan, Inference(loaded).branches(scan, after))
    assert list(rows)[-1] == row


@pytest.mark.parametrize(("row", "name"), [("ddpm", "mahalanobis"), ("vae", "mahalanobis"), ("ddpm", "geometric")])
def test_a_score_of_all_reconstructions_is_given_them(row, name, fitted, scan):
    model = model_of(row, fitted.stage_1)
    chosen = replace(model, recipe=replace(model.recipe, score=replace(model.recipe.score, map=name)))
    plain, found = Inference(model).reconstruct(scan), Inference(chosen).reconstruct(scan)
    np.testing.assert_array_equal(found.views, plain.views)
    assert len(found.views) == 2
    assert not np.allclose(found.unsupervised, plain.unsupervised)


def test_a_method_of_features_learns_from_a_file_and_is_honest_about_its_picture(tmp_path, made_cohort, scan):
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"reconstructor: {{method: rd, settings: {{width: 8, zoom: 1, weights: {write_made_weights(tmp_path)}}}}}\n"
        "reconstructor_training: {steps: 2, batch_size: 2, validate_every_steps: 1, ema_decay: 0.5}\n"
    )
    with RunFolder.open(tmp_path / "run") as run:
        trained = train_reconstructor(
            made_cohort.split("train")[:1], made_cohort.split("validation"), load_recipe(path), run
        )
    assert list(trained.metrics) == ["val_loss", "untrained_val_loss"]
    (tmp_path / "made.safetensors").unlink()  # the model folder has its own copy
    loaded = load_model(tmp_path / "run" / "model")
    made = trained.reconstructor
    assert isinstance(made, FeatureMethod)
    other = type(made)(loaded.recipe.reconstructor.settings)  # type: ignore[call-arg]
    other.features.load_checkpoint(made_checkpoint())
    for name, value in other.features.state_dict().items():
        assert torch.equal(made.features.state_dict()[name], value), name
    prediction = Inference(loaded).predict(scan, given_threshold(0.1))
    assert any("rd reconstructs nothing" in warning for warning in prediction.warnings)


def test_stage_2_cannot_be_built_on_a_method_without_reconstruction(tmp_path, fitted):
    model, cohort = model_of("rd", fitted.stage_1), fitted.cohort
    scans = Supervision(Cohort(()), cohort.split("annotated"), cohort.split("validation"))
    with (
        pytest.raises(ModelFolderError, match="reconstructor rd: found a method that reconstructs nothing"),
        RunFolder.open(tmp_path / "run") as run,
    ):
        train_segmenter(model, scans, model.recipe, run)
    assert not (tmp_path / "run").exists()
