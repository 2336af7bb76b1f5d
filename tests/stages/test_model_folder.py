"""The model folder: what is read back is what was saved, nothing half-written is taken for a model, no pickle."""

from __future__ import annotations

import ast
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import pseudohealthy
from conftest import make_brain
from pseudohealthy.errors import ModelFolderError, OutputError
from pseudohealthy.io.files import sha256
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import load_model, save_calibration, save_model
from trees import assert_golden

SOURCES = sorted(Path(pseudohealthy.__file__).parent.rglob("*.py"))


def test_what_is_read_back_predicts_as_what_was_saved(tmp_path, fitted):
    saved = fitted.load()
    save_model(saved, tmp_path)
    read = load_model(tmp_path)
    scan = prepare_scan(make_brain((5.0, 5.0, 5.0)), GRIDS[saved.recipe.grid])
    one, other = (Inference(model).predict(scan, given_threshold(0.3)) for model in (saved, read))
    for part in ("reconstruction", "score", "unsupervised", "supervised", "mask"):
        np.testing.assert_array_equal(getattr(one, part).data, getattr(other, part).data)
    assert one.lesions == other.lesions
    np.testing.assert_array_equal(saved.population.mean, read.population.mean)
    np.testing.assert_array_equal(saved.population.sd, read.population.sd)
    for fact in ("recipe", "seed", "trained_on", "reference", "calibration", "metrics", "row"):
        assert getattr(saved, fact) == getattr(read, fact), fact


def test_a_model_saved_twice_is_the_same_files(tmp_path, fitted):
    save_model(fitted.load(), tmp_path)
    assert {path.name: sha256(path) for path in fitted.model.iterdir()} == {
        path.name: sha256(path) for path in tmp_path.iterdir()
    }


@pytest.mark.parametrize(("folder", "golden"), [("stage_1", "model_unsupervised"), ("model", "model")])
def test_a_model_folder_holds_these_files(folder, golden, fitted):
    assert_golden(getattr(fitted, folder), golden)


def test_config_tells_what_the_model_is_and_the_hash_of_each_weight_file(fitted):
    one, two = (json.loads((folder / "config.json").read_text()) for folder in (fitted.stage_1, fitted.model))
    assert (one["row"], one["stage"]) == ("cddpm", "reconstructor")
    assert (two["row"], two["stage"]) == ("sadm_res", "segmenter")
    assert two["files"] == {path.name: sha256(path) for path in sorted(fitted.model.glob("*.safetensors"))}
    assert set(two["trained_on"]) == {"reconstructor", "segmenter"}
    assert two["trained_on"]["segmenter"] == {
        case.name: sha256(case.image) for case in fitted.cohort.split("annotated")
    }


def test_the_card_says_what_it_learned_from_and_what_it_is_not_for(fitted):
    card = " ".join((fitted.model / "README.md").read_text().split())
    assert "learned from 3 healthy scans" in card
    assert "`unet_res` learned from 2 annotated scans" in card
    assert "not a medical device" in card


def test_an_unsupervised_model_saved_over_another_leaves_no_segmenter(tmp_path, fitted):
    shutil.copytree(fitted.model, tmp_path / "model")
    save_model(load_model(fitted.stage_1), tmp_path / "model")
    assert load_model(tmp_path / "model").segmenter is None


def test_a_folder_whose_writing_was_interrupted_is_no_model(tmp_path, fitted, monkeypatch):
    model = fitted.load()
    write = Path.write_bytes

    def until_config(self: Path, content: bytes) -> int:
        if "config.json" in self.name:
            raise OSError("interrupted")
        return write(self, content)

    with torch.no_grad():
        next(model.reconstructor.parameters()).add_(1.0)
    monkeypatch.setattr(Path, "write_bytes", until_config)
    shutil.copytree(fitted.model, tmp_path / "old")
    for folder, found in ((tmp_path / "new", "no config.json"), (tmp_path / "old", "reconstructor.safetensors was")):
        with pytest.raises(OutputError):
            save_model(model, folder)
        with pytest.raises(ModelFolderError, match=found):
            load_model(folder)


def test_thresholds_are_replaced_without_touching_the_weights(tmp_path, fitted):
    folder = fitted.copy_of_model(tmp_path / "model")
    before = {path.name: sha256(path) for path in folder.iterdir() if path.name != "calibration.json"}
    save_calibration(dataclasses.replace(fitted.load(), calibration={}), folder)
    assert load_model(folder).calibration == {}
    assert before == {path.name: sha256(path) for path in folder.iterdir() if path.name != "calibration.json"}


def test_loaded_networks_are_frozen(fitted):
    model = fitted.load()
    for network in (model.reconstructor, model.segmenter):
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_no_source_reads_or_writes_a_pickle(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert not {name.partition(".")[0] for name in names} & forbidden
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called, options = ast.unparse(call.func), {key.arg: ast.unparse(key.value) for key in call.keywords}
        assert called not in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}
        assert options.get("allow_pickle", "False") == "False"
        if called in {"torch.load", "trainer.fit"}:
            assert options.get("weights_only") == "True"


def test_weights_are_in_the_safetensors_format(fitted):
    for path in fitted.model.glob("*.safetensors"):
        raw = path.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        tensors = json.loads(raw[8 : 8 + length])
        assert {tensor["dtype"] for tensor in tensors.values()} <= {"F32", "I64"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda mean, sd: (mean[:, :-2], sd), "population mean of"),
        (lambda mean, sd: (mean, sd * float("nan")), "population sd with values that are not numbers"),
        (lambda mean, sd: (mean, sd * 0), "population sd that is not above 0"),
    ],
)
def test_a_population_that_no_score_can_be_made_with_is_refused(tmp_path, fitted, change, said):
    model = fitted.load()
    mean, sd = change(model.population.mean, model.population.sd)
    save_model(dataclasses.replace(model, population=dataclasses.replace(model.population, mean=mean, sd=sd)), tmp_path)
    with pytest.raises(ModelFolderError, match=said):
        load_model(tmp_path)


def test_weights_that_are_not_numbers_are_refused(tmp_path, fitted):
    model = fitted.load()
    next(model.segmenter.parameters()).fill_(float("nan"))
    save_model(model, tmp_path)
    with pytest.raises(ModelFolderError, match=r"weights in segmenter\.safetensors that are not numbers"):
        load_model(tmp_path)
