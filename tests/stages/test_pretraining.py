"""What Stage I trains first: the condition encoder, masked; the teacher of a student."""

import pytest
import torch

from pseudohealthy.errors import ConfigError
from pseudohealthy.io.files import sha256
from pseudohealthy.models.reconstructors.cddpm import CDDPM
from pseudohealthy.stages import train_reconstructor as stage
from pseudohealthy.stages.model_folder import load_model
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
    metrics = tmp_path / "killed" / "pretraining" / "encoder" / "metrics.csv"
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


def test_a_student_is_trained_after_its_teacher(tmp_path, made_cohort):
    teacher = "{widths: [8, 8], blocks: 1, unshuffle: 4, encoder: small, condition: 8}"
    overrides = [
        f"reconstructor={{method: student, settings: {{teacher: {teacher}, teacher_steps: 3}}}}",
        *SETTINGS[1:],
        "reconstructor_training.steps=2",
    ]
    train(tmp_path / "run", made_cohort, overrides)
    tables = [tmp_path / "run" / name for name in ("pretraining/teacher/metrics.csv", "metrics.csv")]
    steps = [[int(line.split(",")[0]) for line in table.read_text().splitlines()[1:]] for table in tables]
    assert steps == [[1, 2, 3], [1, 2]]
    made, loaded = (load_model(tmp_path / "run" / "model").reconstructor for _ in range(2))
    assert made.teacher.settings.widths == (8, 8)
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), loaded.parameters(), strict=True))
    assert any(parameter.abs().sum() > 0 for parameter in made.teacher.denoiser.head.parameters())


def test_levels_of_a_teacher_that_do_not_divide_the_slices_are_refused():
    with pytest.raises(ConfigError, match=r"reconstructor\.settings\.teacher: found unshuffle 7"):
        load_recipe("smoke", ["reconstructor={method: student, settings: {teacher: {unshuffle: 7}}}"])
