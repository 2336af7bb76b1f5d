"""A model folder that is broken, changed or none ends with exit code 2 and one clear line; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bad_scans import write_brain
from fitted import fit
from pseudohealthy.stages.recipe import load_recipe


def edited(name: str, **changes: object) -> Callable[[Path], None]:
    def edit(model: Path) -> None:
        content = json.loads((model / name).read_text())
        (model / name).write_text(json.dumps(content | changes))

    return edit


def changed_byte(model: Path) -> None:
    raw = bytearray((model / "reconstructor.safetensors").read_bytes())
    raw[-1] ^= 1
    (model / "reconstructor.safetensors").write_bytes(raw)


def narrower(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    config["recipe"]["segmenter"]["settings"]["widths"] = [8, 12]
    (model / "config.json").write_text(json.dumps(config))


def another_beta(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    config["recipe"]["score"]["beta"] = 0.125
    (model / "config.json").write_text(json.dumps(config))


BROKEN = {
    **{
        f"without {name}": (lambda model, name=name: (model / name).unlink(), name.split(".")[0])
        for name in (
            *("config.json", "calibration.json", "metrics.json"),
            *("population.safetensors", "reconstructor.safetensors", "segmenter.safetensors"),
        )
    },
    "a changed byte in weights": (changed_byte, "its SHA-256 differs"),
    "weights of another network": (narrower, "do not fit"),
    "config that is no JSON": (lambda model: (model / "config.json").write_text("{"), "not JSON"),
    "config of another format": (edited("config.json", format=99), "not of format 1"),
    "config without recipe": (edited("config.json", recipe={"grid": "tiny"}), "cannot be read"),
    "config without hashes": (edited("config.json", files={}), "no population.safetensors in config.json"),
    "config with a list for a table": (edited("config.json", trained_on=[1]), "cannot be read"),
    "config with a word for a number": (edited("config.json", seed="one"), "cannot be read"),
    "thresholds that are none": (edited("calibration.json", sadm_res={"healthy": {"level": 1}}), "cannot be read"),
    "threshold that is no number": (
        edited("calibration.json", sadm_res={"healthy": {"value": "x", "policy": "healthy", "n": 1, "statement": ""}}),
        "cannot be read",
    ),
    "thresholds of another model": (edited("calibration.json", config_sha256="0" * 64), "of another model"),
    "a weight that was changed after the thresholds were found": (another_beta, "that was changed since"),
    "thresholds in a list": (lambda model: (model / "calibration.json").write_text("[]"), "cannot be read"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_model_folder_is_refused(kind, tmp_path, fitted, refuse):
    edit, said = BROKEN[kind]
    model = fitted.copy_of_model(tmp_path / "model")
    edit(model)
    scan = write_brain(tmp_path / "scan.nii.gz")
    refuse("predict", model, scan, "--out", tmp_path / "out", said=said)


def test_what_is_no_model_folder_is_refused(tmp_path, fitted, refuse):
    scan = write_brain(tmp_path / "scan.nii.gz")
    checkpoint = fitted.stage_1.parent / "checkpoints" / "last.ckpt"
    (tmp_path / "empty").mkdir()
    for place, said in (
        (checkpoint, "found a checkpoint; needed a model folder"),
        (tmp_path / "empty", "no config.json"),
        (tmp_path / "absent", "no such folder"),
        (scan, "a file; needed a model folder"),
    ):
        refuse("predict", place, scan, "--out", tmp_path / "out", said=said)


def test_models_with_different_reconstructors_are_not_put_into_one_table(tmp_path, fitted, refuse, smoke):
    recipe = load_recipe("smoke", ["reconstructor_training.seed=1"])
    other = fit(tmp_path / "other", fitted.cohort, recipe)
    arguments = ("evaluate", fitted.model, fitted.table, "--with", other.model, "--out", tmp_path / "out")
    refuse(*arguments, said="another reconstructor")


def test_two_models_of_one_name_are_not_put_into_one_table(tmp_path, fitted, refuse):
    arguments = ("evaluate", fitted.model, fitted.table, "--with", fitted.model, "--out", tmp_path / "out")
    refuse(*arguments, said="two models of this name")
