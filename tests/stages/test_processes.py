"""A batch that is divided, between devices or one part after the other, trains like the whole."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pseudohealthy.config import TrainingSettings
from pseudohealthy.data.slices import generator
from pseudohealthy.errors import ConfigError
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.stages.processes import Processes, as_torchrun, is_started, refuse, start

STEPS = 5
SETTINGS = {"steps": STEPS, "batch_size": 8, "ema_decay": 0.5, "validate_every_steps": 1, "learning_rate": 0.01}

SMALL = {
    "cddpm": {"widths": (8, 8), "blocks": 1, "unshuffle": 4, "encoder": "small", "condition": 8},
    "draem": {"reconstructive": (8, 16), "discriminative": (8, 16)},
}

# Imports once; each list is a training of as many processes as it has members, which start as torchrun starts them.
PROGRAM = """
import json, os, sys
from pseudohealthy.cli import main

for port, arguments, count in json.loads(sys.argv[1]):
    running = []
    for rank in range(count):
        running.append(os.fork())
        if not running[-1]:
            if count > 1:
                places = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=count, MASTER_PORT=port)
                os.environ |= {"MASTER_ADDR": "127.0.0.1", **{name: str(value) for name, value in places.items()}}
            os._exit(main(arguments))
    print(*[os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in running], flush=True)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def trainings(tmp_path_factory, made_cohort) -> dict[str, Path]:
    """The same recipe on one process, on two, and in four parts one after the other."""
    folder, table = tmp_path_factory.mktemp("trainings"), made_cohort[0].image.parent / "cohort.tsv"

    def command(name: str, *options: str) -> list[str]:
        chosen = [
            part for key, value in SETTINGS.items() for part in ("--set", f"reconstructor_training.{key}={value}")
        ]
        data = ("--data", str(table), "--config", "smoke", "--out", str(folder / name))
        return ["train", "reconstructor", *data, *chosen, "--quiet", *options]

    jobs = [
        (0, command("one"), 1),
        (free_port(), command("two", "--devices", "2"), 2),
        (0, command("parts", "--set", "reconstructor_training.accumulate=4"), 1),
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(jobs)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.splitlines() == ["0", "0 0", "0"], done.stderr
    return {name: folder / name for name in ("one", "two", "parts")}


def curve(run: Path) -> list[dict[str, float]]:
    with (run / "metrics.csv").open() as table:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(table)]


# 25 s at most: two processes of Lightning, and an import of torch
@pytest.mark.parametrize("divided", ["two", "parts"])
def test_the_curve_and_the_weights_are_those_of_the_whole_batch(divided, trainings):
    whole, parts = curve(trainings["one"]), curve(trainings[divided])
    assert len(whole) == STEPS
    assert whole[0]["train_loss"] != pytest.approx(whole[-1]["train_loss"], rel=0.01)  # it does train
    for one, other in zip(whole, parts, strict=True):
        assert other == pytest.approx(one, abs=1e-4)
    expected, found = (load_model(trainings[name] / "model").reconstructor for name in ("one", divided))
    for name, weights in expected.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], weights, rtol=0, atol=1e-4)


def test_two_processes_write_one_run_folder(trainings):
    files = {name: sorted(str(path.relative_to(run)) for path in run.rglob("*")) for name, run in trainings.items()}
    assert files["two"] == files["one"]
    assert (trainings["two"] / "log.txt").read_text().count("model written to") == 1
    recipes = [(trainings[name] / "config.yaml").read_text() for name in ("one", "two")]
    assert recipes[0] == recipes[1]  # so that a training is resumed on any number of devices


@pytest.mark.parametrize("method", sorted(set(RECONSTRUCTORS) - {"fae", "rd"}))  # those draw nothing, and need weights
def test_gradients_of_parts_add_up_to_those_of_the_batch(method):
    settings, make = RECONSTRUCTORS[method]
    torch.manual_seed(0)
    network = make(settings(**SMALL.get(method, {})))
    x = torch.rand(4, 1, 32, 32, generator=generator(1)) * (torch.rand(4, 1, 32, 32, generator=generator(2)) > 0.1)

    def gradient(parts: int) -> torch.Tensor:
        network.zero_grad()
        size = len(x) // parts
        for part in range(parts):
            rows = () if parts == 1 else (slice(part * size, (part + 1) * size),)
            (network.loss(x, generator(3), *rows) / parts).backward()
        return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])

    whole = gradient(1)
    assert whole.abs().max() > 0
    torch.testing.assert_close(gradient(2), whole, rtol=1e-4, atol=1e-5 * float(whole.abs().max()))


def test_every_row_is_worked_on_once():
    settings = TrainingSettings(batch_size=24, accumulate=3)
    everyone = [Processes(2, 2, rank) for rank in range(4)]
    rows = [row for one in everyone for turn in range(3) for row in range(24)[one.rows(settings, turn)]]
    assert sorted(rows) == list(range(24))
    assert Processes().rows(TrainingSettings(), 0) is None


def test_what_cannot_be_divided_or_started_is_refused(monkeypatch):
    monkeypatch.setattr("pseudohealthy.stages.processes._cores", lambda: 4)
    refuse(4, 2, TrainingSettings(batch_size=16, accumulate=2))
    with pytest.raises(
        ConfigError, match=r"batch_size 16: found 3 devices.* needed a batch that 3 divides.*batch_size=15"
    ):
        refuse(3, 1, TrainingSettings(batch_size=16))
    with pytest.raises(ConfigError, match=r"--devices 8: found 4 processor cores"):
        refuse(8, 1, TrainingSettings(batch_size=16))
    with pytest.raises(ConfigError, match="needed 1 or more"):
        refuse(0, 1, TrainingSettings())
    with pytest.raises(ConfigError, match="srun or torchrun"):
        start(2, 2, [])


def test_processes_of_srun_know_what_torchrun_would_have_told_them():
    batch_script = {"SLURM_NTASKS": "8", "SLURM_PROCID": "0", "SLURM_JOB_ID": "123456"}
    assert not is_started(batch_script)
    task = {
        **batch_script,
        "SLURM_STEP_NUM_TASKS": "8",
        "SLURM_STEP_NODELIST": "gpu[07-08]",
        "SLURM_PROCID": "5",
        "SLURM_LOCALID": "1",
        "SLURM_NODEID": "1",
    }
    assert is_started(task)
    assert as_torchrun(task) == {
        "RANK": "5",
        "LOCAL_RANK": "1",
        "GROUP_RANK": "1",
        "WORLD_SIZE": "8",
        "MASTER_ADDR": "gpu07",
        "MASTER_PORT": "18456",
    }


def test_what_the_first_process_refuses_is_told_once_and_last(tmp_path, made_cohort, capfd):
    (tmp_path / "full").write_text("")
    table = made_cohort[0].image.parent / "cohort.tsv"
    data = ("--data", str(table), "--config", "smoke", "--out", str(tmp_path))
    assert start(2, 1, ["train", "reconstructor", *data, "--devices", "2"]) == 2
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("pseudohealthy")]
    assert len(told) == 1
    assert "found a folder with files in it" in told[0]
