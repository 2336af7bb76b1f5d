"""Same seed, same weights; killed and resumed, the same weights."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import random
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from pseudohealthy.config import TrainingSettings
from pseudohealthy.errors import ConfigError, OutputError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import sha256
from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages import training
from pseudohealthy.stages.checkpoints import WholeCheckpoints
from pseudohealthy.stages.model_folder import load_model, save_calibration
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import train_segmenter
from pseudohealthy.stages.training import fit, one_cycle

STEPS = 40
SETTINGS = [
    f"reconstructor_training.steps={STEPS}",
    "reconstructor_training.ema_decay=0.9",
    "reconstructor_training.schedule=one_cycle",
    "reconstructor_training.optimiser=adamw",
    "reconstructor_training.validate_every_steps=10",
    "reconstructor_training.checkpoint_every_steps=3",
]


KILLS = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT)

# Imports once; every training is a process of its own. One that is to be killed does it itself, at a step, so that the
# test does not depend on how fast it is.
PROGRAM = """
import json, os, signal, sys
from pseudohealthy.cli import main
from pseudohealthy.stages import train_reconstructor, training

signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run as a job that ignores it

def until(step, kill, at):
    def killed(self, batch, batch_idx):
        if self.global_step == at:
            os.kill(os.getpid(), kill)
        return step(self, batch, batch_idx)
    return killed

for arguments, kill, at in json.loads(sys.argv[1]):
    process = os.fork()
    if not process:
        if kill:
            training.Trainee.training_step = until(training.Trainee.training_step, kill, at)
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


def arguments(table: Path, out: Path, *more: str) -> list[str]:
    chosen = [part for setting in SETTINGS for part in ("--set", setting)]
    return ["train", "reconstructor", "--data", str(table), "--out", str(out), "--config", "smoke", *chosen, *more]


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory, made_cohort: Cohort) -> tuple[Path, list[int]]:
    """Run folders of an uninterrupted training and of killed and resumed ones, and the exit code of each process."""
    folder, table = tmp_path_factory.mktemp("trainings"), made_cohort[0].image.parent / "cohort.tsv"
    jobs: list[tuple[list[str], int, int]] = [(arguments(table, folder / "uninterrupted"), 0, 0)]
    for kill in KILLS:
        at = random.Random(kill).randrange(13, STEPS - 5)
        out = folder / kill.name
        jobs += [(arguments(table, out), kill, at), (arguments(table, out, "--resume"), 0, 0)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(jobs)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    codes = [int(line) for line in done.stdout.split()]
    assert len(codes) == len(jobs), done.stderr
    return folder, codes


@pytest.mark.parametrize("kill", KILLS)
def test_a_killed_and_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(trainings, kill):
    folder, codes = trainings
    place = 1 + 2 * KILLS.index(kill)
    assert codes[0] == 0
    assert codes[place : place + 2] == [{signal.SIGTERM: 143, signal.SIGKILL: -9, signal.SIGINT: 130}[kill], 0]
    weights = "model/reconstructor.safetensors"
    assert sha256(folder / kill.name / weights) == sha256(folder / "uninterrupted" / weights)
    # not trained anew: the line of step 10 is older than the kill
    assert (folder / kill.name / "log.txt").read_text().count("step 10/40") == 1
    metrics = (folder / kill.name / "metrics.csv").read_text()
    assert [int(line.split(",")[0]) for line in metrics.splitlines()[1:]] == [10, 20, 30, 40]
    assert metrics == (folder / "uninterrupted" / "metrics.csv").read_text()


def test_same_seed_twice_gives_identical_weights_and_another_seed_does_not(tmp_path, made_cohort):
    hashes = []
    for number, seed in enumerate((5, 5, 6)):
        recipe = load_recipe("smoke", [f"reconstructor_training.seed={seed}"])
        with RunFolder.open(tmp_path / str(number)) as run:
            train_reconstructor(made_cohort.split("train"), made_cohort.split("validation"), recipe, run)
        hashes.append(sha256(tmp_path / str(number) / "model" / "reconstructor.safetensors"))
    assert hashes[0] == hashes[1] != hashes[2]


def test_segmenter_training_leaves_the_reconstructor_alone(tmp_path, made_cohort, smoke):
    with RunFolder.open(tmp_path) as run:
        stage_1 = train_reconstructor(
            made_cohort.split("train"), made_cohort.split("validation"), smoke, run.inner("one")
        )
        before = {name: value.clone() for name, value in stage_1.reconstructor.state_dict().items()}
        scans = Supervision(Cohort(()), made_cohort.split("annotated"), made_cohort.split("validation"))
        model = train_segmenter(stage_1, scans, smoke, run.inner("two"))
    assert all(torch.equal(before[name], value) for name, value in model.reconstructor.state_dict().items())
    assert sha256(tmp_path / "one/model/reconstructor.safetensors") == sha256(
        tmp_path / "two/model/reconstructor.safetensors"
    )


def test_fit_minimises_and_leaves_the_averaged_weights(tmp_path):
    class Number(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.value = torch.nn.Parameter(torch.tensor(4.0))

    network = Number()
    settings = TrainingSettings(
        steps=60, learning_rate=0.3, ema_decay=0.5, validate_every_steps=20, keep="last", precision="32-true"
    )
    fit(
        network,
        lambda net, step: (net.value - 1) ** 2,
        lambda net: {"val_loss": float((net.value - 1) ** 2)},
        settings,
        RunFolder(tmp_path),
        resume=False,
    )
    assert network.value.item() == pytest.approx(1.0, abs=0.1)


def test_a_finished_training_that_is_resumed_leaves_the_averaged_weights_too(tmp_path):
    def trained(*, resume):
        network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(network.weight, 4.0)
        settings = TrainingSettings(
            steps=6, learning_rate=0.3, ema_decay=0.9, validate_every_steps=3, checkpoint_every_steps=3, keep="last"
        )
        fit(
            network,
            lambda net, step: (net.weight - 1).square().sum(),
            lambda net: {"val_loss": 0.0},
            settings,
            RunFolder(tmp_path),
            resume=resume,
        )
        return network.weight.item()

    whole = trained(resume=False)
    assert trained(resume=True) == whole


def test_best_keeps_the_weights_of_the_lowest_validation_loss(tmp_path):
    # training pulls the value up for ever; validation likes it near 5
    assert pulled(tmp_path, validate=lambda net: {"val_loss": abs(float(net.value) - 5)}) == pytest.approx(5, abs=0.5)


def test_a_checkpoint_that_does_not_fit_on_the_disk_leaves_the_last_whole_one(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"step": torch.tensor(1)}, path)

    def half(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OutputError, match="No space left"):
        WholeCheckpoints().save_checkpoint({"step": torch.tensor(2)}, path)
    assert torch.load(path, weights_only=True) == {"step": torch.tensor(1)}
    assert list(tmp_path.iterdir()) == [path]


def test_one_cycle_rises_to_one_and_falls_to_zero():
    factors = [one_cycle(step, 100) for step in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == factors[10] == pytest.approx(1.0)
    assert factors[100] == pytest.approx(0.0)
    assert all(later <= earlier for earlier, later in pairwise(factors[10:]))


class Number(torch.nn.Module):
    """One weight, which training pulls up by one a step."""

    def __init__(self) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(0.0))


def pulled(folder: Path, *, resume: bool = False, validate=lambda net: {"val_loss": 0.0}, **settings) -> float:
    network = Number()
    asked = {"steps": 20, "learning_rate": 1.0, "validate_every_steps": 5, "checkpoint_every_steps": 5, **settings}

    def loss(net, step, rows=slice(0, 0)):
        return -net.value * (1 + rows.start * (1 + step % 3))  # the parts of a batch are not alike

    fit(network, loss, validate, TrainingSettings(**asked), RunFolder(folder), resume=resume)
    return network.value.item()


def test_a_training_killed_in_a_validation_keeps_what_an_uninterrupted_one_keeps(tmp_path):
    def near_ten(net):
        return {"val_loss": abs(float(net.value) - 10)}

    def killed(net):
        if float(net.value) > 8:
            raise KeyboardInterrupt
        return near_ten(net)

    whole = pulled(tmp_path / "whole", validate=near_ten)
    with pytest.raises(KeyboardInterrupt):
        pulled(tmp_path / "killed", validate=killed)
    assert pulled(tmp_path / "killed", validate=near_ten, resume=True) == whole == pytest.approx(10, abs=0.1)
    assert (tmp_path / "killed/metrics.csv").read_text() == (tmp_path / "whole/metrics.csv").read_text()


def test_a_training_killed_twice_amid_the_parts_of_a_batch_ends_as_an_uninterrupted_one(tmp_path, monkeypatch):
    step, killed_at = training.Trainee.training_step, []

    def killed(self, batch, batch_idx):
        if killed_at and (self.global_step, len(self._parts)) == killed_at[0]:
            killed_at.pop(0)
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    monkeypatch.setattr(training.Trainee, "training_step", killed)
    parts = {"accumulate": 2, "checkpoint_every_steps": 3, "learning_rate": 0.1}
    whole = pulled(tmp_path / "whole", **parts)
    killed_at += [(4, 0), (3, 1)]  # the second one after the first part since the checkpoint of step 3
    for resume in (False, True):
        with pytest.raises(KeyboardInterrupt):
            pulled(tmp_path / "killed", resume=resume, **parts)
    assert pulled(tmp_path / "killed", resume=True, **parts) == whole


def test_a_run_that_is_overwritten_is_not_resumed_in_the_new_ones_place(tmp_path):
    def killed(net):
        raise KeyboardInterrupt

    expected = pulled(tmp_path / "whole", learning_rate=0.5)
    pulled(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        pulled(tmp_path / "run", learning_rate=0.5, validate=killed)
    assert pulled(tmp_path / "run", learning_rate=0.5, resume=True) == expected


@pytest.mark.parametrize("found", [{"val_loss": float("nan")}, {"val_loss": 0.0}])
def test_a_training_that_diverges_is_told(tmp_path, found):
    def grown(net):
        if found["val_loss"] == 0.0:
            net.value.data.fill_(float("inf"))
        return found

    with pytest.raises(ConfigError, match="training at step 5: found a loss or weights that are not numbers"):
        pulled(tmp_path, validate=grown)


def test_thresholds_survive_a_call_that_finds_the_training_finished(tmp_path, fitted, made_cohort, smoke):
    def train(*, resume, seed=smoke.reconstructor_training.seed):
        recipe = load_recipe("smoke", [f"reconstructor_training.seed={seed}"])
        scans = made_cohort.split("train"), made_cohort.split("validation")
        with RunFolder.open(tmp_path, resume=resume, overwrite=not resume) as run:
            train_reconstructor(*scans, recipe, run, resume=resume)
        return load_model(tmp_path / "model")

    calibrated = dataclasses.replace(
        train(resume=False), calibration={"cddpm": {"given": given_threshold(0.3)}}, calibrated_on=("some-hash",)
    )
    save_calibration(calibrated, tmp_path / "model")
    again = train(resume=True)
    assert (again.calibration, again.calibrated_on) == (calibrated.calibration, calibrated.calibrated_on)
    assert train(resume=False, seed=7).calibration == {}


def test_a_damaged_checkpoint_is_told(tmp_path):
    pulled(tmp_path)
    last = tmp_path / "checkpoints" / "last.ckpt"
    for content in (last.read_bytes()[:-100], b""):
        last.write_bytes(content)
        with pytest.raises(OutputError, match="found a damaged checkpoint"):
            pulled(tmp_path, resume=True)
