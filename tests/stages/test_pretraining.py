"""Masked pre-training of the condition encoder, as the first part of Stage I."""

import pytest

from pseudohealthy.io.files import sha256
from pseudohealthy.models.reconstructors.cddpm import CDDPM
from pseudohealthy.stages import train_reconstructor as stage
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder

SETTINGS = [
    "reconstructor.settings.pretrain_steps=3",
    "reconstructor_training.validate_every_steps=1",
    "reconstructor_training.checkpoint_every_steps=1",
]


def train(folder, cohort, overrides, *, resume=False):
    with RunFolder.open(folder, resume=resume) as run:
        stage.train_reconstructor(
            cohort.split("train")[:2], cohort.split("validation"), load_recipe("smoke", overrides), run, resume=resume
        )
    return sha256(folder / "model" / "reconstructor.safetensors")


def test_a_training_killed_after_its_pretraining_ends_as_an_uninterrupted_one(tmp_path, made_cohort, monkeypatch):
    uninterrupted = train(tmp_path / "uninterrupted", made_cohort, SETTINGS)
    assert train(tmp_path / "without", made_cohort, SETTINGS[1:]) != uninterrupted

    fit = stage.fit

    def killed(network, *rest, **options):
        if isinstance(network, CDDPM):
            raise KeyboardInterrupt
        fit(network, *rest, **options)

    monkeypatch.setattr(stage, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", made_cohort, SETTINGS)
    monkeypatch.setattr(stage, "fit", fit)
    metrics = tmp_path / "killed" / "pretraining" / "metrics.csv"
    before = metrics.read_text()
    assert [int(line.split(",")[0]) for line in before.splitlines()[1:]] == [1, 2, 3]
    assert train(tmp_path / "killed", made_cohort, SETTINGS, resume=True) == uninterrupted
    assert metrics.read_text() == before  # not trained anew


def test_stage_1_trains_all_of_the_network_after_its_pretraining(tmp_path, made_cohort, monkeypatch):
    modes = []
    fit = stage.fit

    def watched(network, *rest, **options):
        modes.append((type(network).__name__, all(module.training for module in network.modules())))
        fit(network, *rest, **options)

    monkeypatch.setattr(stage, "fit", watched)
    train(tmp_path / "run", made_cohort, SETTINGS)
    assert modes == [("SparK", True), ("CDDPM", True)]
