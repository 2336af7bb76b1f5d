"""The model folder: networks, population, thresholds and all that must travel with them. Never a pickle.

`README.md` (card) · `config.json` (with the SHA-256 of each weight file) · `population.safetensors` ·
`reconstructor.safetensors` · `segmenter.safetensors` (absent: unsupervised alone) · `calibration.json` · `metrics.json`
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from pseudohealthy import __version__
from pseudohealthy.errors import ModelFolderError
from pseudohealthy.io.files import sha256, write_bytes, write_json, write_text
from pseudohealthy.models.population import Population
from pseudohealthy.models.reconstructors import RECONSTRUCTORS, Reconstructor
from pseudohealthy.models.segmenters import SEGMENTERS, Segmenter
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.score.thresholds import Threshold
from pseudohealthy.stages.card import card
from pseudohealthy.stages.recipe import Recipe, as_dict, recipe_from

FORMAT = 1
SCANS = "scans_sha256"
CONFIG = "config_sha256"
"""Key of the thresholds' file: which model they were found for."""
"""The key of `calibration.json` that is no row."""
WEIGHTS = ("population.safetensors", "reconstructor.safetensors", "segmenter.safetensors")


@dataclass(frozen=True, eq=False)
class Model:
    """What `predict` needs.

    Attributes:
        recipe: How it was made; grid, space and score are read from here.
        reconstructor: Stage I.
        segmenter: Stage II; None for the unsupervised model alone.
        population: Statistics of the brains that Stage I learned from.
        seed: Seed of the noise maps in prediction.
        trained_on: Stage -> name -> SHA-256 of the scans it learned from: calibration and tests refuse them.
        reference: What Stage II is given as x^: `reconstruction`, or, as a control, `input` or `population`.
        calibration: Row -> policy -> threshold.
        calibrated_on: SHA-256 of the scans that the thresholds were found on: tests refuse them.
        metrics: Validation metrics of the training.
    """

    recipe: Recipe
    reconstructor: Reconstructor
    segmenter: Segmenter | None
    population: Population
    seed: int
    trained_on: Mapping[str, Mapping[str, str]]
    reference: str = "reconstruction"
    calibration: Mapping[str, Mapping[str, Threshold]] = field(default_factory=dict)
    calibrated_on: Sequence[str] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def reconstructor_row(self) -> str:
        """The name of Stage I's own map in tables: the method, and its variant where it has one (`ddpm_gaussian`)."""
        variant = self.reconstructor.variant
        return self.recipe.reconstructor.method + (f"_{variant}" if variant else "")

    @property
    def row(self) -> str:
        """The name of the model's own score in tables: `cddpm`, `sadm` or `sadm_res` (paper, Table 1)."""
        if self.segmenter is None:
            return self.reconstructor_row
        name = self.segmenter_row
        return name.replace("unet", "sadm", 1) if name.startswith("unet") else f"sadm_{name}"

    @property
    def segmenter_row(self) -> str:
        """The name of Stage II's own map: `unet` or `unet_res`.

        Controls carry their reference as a suffix, models that saw synthetic anomalies the generator's name, and
        `mixed` where they saw annotated scans, too.
        """
        parts = [self.recipe.segmenter.method]
        if self.reference != "reconstruction":
            parts.append(self.reference)
        if self.recipe.supervision.synthetic != "none":
            parts.append(self.recipe.supervision.synthetic)
            both = self.trained_on.get("segmenter") and self.trained_on.get("painted")
            if both and self.recipe.supervision.synthetic_share < 1:
                parts.append("mixed")
        return "_".join(parts)


def save_model(model: Model, folder: Path) -> None:
    """Write a model folder; `config.json` comes last, so that an interrupted folder is not taken for a model."""
    folder.mkdir(parents=True, exist_ok=True)
    _save_weights(folder / WEIGHTS[0], {"mean": model.population.mean, "sd": model.population.sd})
    _save_weights(folder / WEIGHTS[1], model.reconstructor.state_dict())
    if model.segmenter is None:
        (folder / WEIGHTS[2]).unlink(missing_ok=True)  # of a model that was saved here before
    else:
        _save_weights(folder / WEIGHTS[2], model.segmenter.state_dict())
    write_json(folder / "metrics.json", dict(model.metrics))
    text = card(model.row, as_dict(model.recipe), model.trained_on, model.population.n, alone=model.segmenter is None)
    write_text(folder / "README.md", text)
    config = {
        "format": FORMAT,
        "version": __version__,
        "row": model.row,
        "stage": "reconstructor" if model.segmenter is None else "segmenter",
        "reference": model.reference,
        "seed": model.seed,
        "population_n": model.population.n,
        "recipe": as_dict(model.recipe),
        "trained_on": {stage: dict(scans) for stage, scans in model.trained_on.items()},
        "files": {name: sha256(folder / name) for name in WEIGHTS if (folder / name).exists()},
    }
    _write_calibration(model, folder, config)
    write_json(folder / "config.json", config)


def save_calibration(model: Model, folder: Path) -> None:
    """Write the thresholds of a model folder, which model they are for, and which scans they were found on."""
    _write_calibration(model, folder, _config(folder))


def _write_calibration(model: Model, folder: Path, config: Mapping[str, Any]) -> None:
    plain: dict[str, Any] = {
        row: {policy: dataclasses.asdict(threshold) for policy, threshold in policies.items()}
        for row, policies in model.calibration.items()
    }
    found_for = {SCANS: list(model.calibrated_on), CONFIG: _sha256_of(config)}
    write_json(folder / "calibration.json", {**plain, **found_for} if plain else {})


def _sha256_of(config: Mapping[str, Any]) -> str:
    """Of the content, however it is laid out; the weights' own SHA-256 are in it."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def save_trained(model: Model, folder: Path) -> None:
    """Write what a training made; if that is in the folder already, the thresholds found since stay.

    A finished training that is resumed, as each later call of a cluster's script does, makes the same model again.
    """
    try:
        before = load_model(folder)
    except ModelFolderError:  # none, or none that is whole
        before = model
    if fingerprint(before) == fingerprint(model):
        model = dataclasses.replace(model, calibration=before.calibration, calibrated_on=before.calibrated_on)
    save_model(model, folder)


def fingerprint(model: Model) -> str:
    """SHA-256 of all that a score follows from: recipe, seed, reference, weights, population. Not of the thresholds."""
    digest = hashlib.sha256(json.dumps([as_dict(model.recipe), model.seed, model.reference]).encode())
    digest.update(model.population.mean.tobytes() + model.population.sd.tobytes())
    for network in (model.reconstructor, model.segmenter):
        for name, tensor in network.state_dict().items() if network is not None else ():
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_model(folder: Path) -> Model:
    """Read a model folder.

    Raises:
        ModelFolderError: It is no model folder, a file is missing or was changed, or weights do not fit.
    """
    config = _config(folder)
    try:
        recipe = recipe_from(config["recipe"], str(folder / "config.json"))
        files: dict[str, str] = config["files"]
        _check_files(folder, files)
        reconstructor = RECONSTRUCTORS[recipe.reconstructor.method][1](recipe.reconstructor.settings)
        _load_weights(reconstructor, folder / WEIGHTS[1])
        segmenter = None
        if WEIGHTS[2] in files:
            segmenter = SEGMENTERS[recipe.segmenter.method][1](recipe.segmenter.settings)
            _load_weights(segmenter, folder / WEIGHTS[2])
        statistics = load_file(folder / WEIGHTS[0])
        population = Population(statistics["mean"].numpy(), statistics["sd"].numpy(), int(config["population_n"]))
        _check_population(folder, population, recipe)
        return Model(
            recipe=recipe,
            reconstructor=reconstructor,
            segmenter=segmenter,
            population=population,
            seed=int(config["seed"]),
            trained_on={stage: dict(scans) for stage, scans in config["trained_on"].items()},
            reference=str(config["reference"]),
            **_calibration(folder, config),
            metrics=json.loads((folder / "metrics.json").read_text(encoding="utf-8")),
        )
    except ModelFolderError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, SafetensorError, OSError) as error:
        raise _broken(folder, f"a part that cannot be read ({' '.join(str(error).split())})") from error


def _config(folder: Path) -> dict[str, Any]:
    if folder.suffix in {".ckpt", ".pt", ".pth", ".pkl"}:
        raise ModelFolderError(
            folder,
            found="a checkpoint",
            needed="a model folder",
            fix="Name the folder 'model' that the training wrote; checkpoints can hide code and are not loaded.",
        )
    path = folder / "config.json"
    if not path.is_file():
        raise ModelFolderError(
            folder,
            found="no config.json" if folder.is_dir() else "a file" if folder.exists() else "no such folder",
            needed="a model folder",
            fix="Name the folder 'model' that 'pseudohealthy train' or 'pseudohealthy demo' wrote.",
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _broken(folder, "a config.json that is not JSON") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise _broken(folder, f"a config.json that is not of format {FORMAT}")
    return config


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    for name in WEIGHTS[:2]:
        if name not in files:
            raise _broken(folder, f"no {name} in config.json")
    for name, expected in files.items():
        if not (folder / name).is_file():
            raise _broken(folder, f"no file {name}")
        if sha256(folder / name) != expected:
            raise _broken(folder, f"that {name} was changed after the model was saved (its SHA-256 differs)")


def _check_population(folder: Path, population: Population, recipe: Recipe) -> None:
    shape = GRIDS[recipe.grid].shape[::-1]
    for name, values in (("mean", population.mean), ("sd", population.sd)):
        if values.shape != shape:
            raise _broken(folder, f"a population {name} of {values.shape} voxels where the grid has {shape}")
        if not np.isfinite(values).all():
            raise _broken(folder, f"a population {name} with values that are not numbers")
    if (population.sd <= 0).any():
        raise _broken(folder, "a population sd that is not above 0")


def _calibration(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    content = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
    used = tuple(str(content_hash) for content_hash in content.pop(SCANS, ()))
    if content.pop(CONFIG, _sha256_of(config)) != _sha256_of(config):  # folders of former versions do not say
        raise ModelFolderError(
            folder,
            found="a calibration.json of another model, or a config.json that was changed since",
            needed="thresholds that were found for this model",
            fix="Copy the folder again; or write {} into calibration.json, and run 'pseudohealthy calibrate'.",
        )
    calibration = {
        row: {policy: Threshold.from_dict(values) for policy, values in policies.items()}
        for row, policies in content.items()
    }
    for threshold in (threshold for policies in calibration.values() for threshold in policies.values()):
        if not 0 <= threshold.value <= 1:
            raise ValueError(f"the threshold {threshold.value} in calibration.json")
    return {"calibration": calibration, "calibrated_on": used}


def _broken(folder: Path, found: str) -> ModelFolderError:
    return ModelFolderError(
        folder, found=found, needed="a complete, unchanged model folder", fix="Copy the folder again or train anew."
    )


def _save_weights(path: Path, tensors: Mapping[str, Any]) -> None:
    write_bytes(path, save({name: torch.as_tensor(value).contiguous().cpu() for name, value in tensors.items()}))


def _load_weights(network: nn.Module, path: Path) -> None:
    try:
        weights = load_file(path)
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise _broken(path.parent, f"weights in {path.name} that do not fit its config.json") from error
    if not all(bool(values.isfinite().all()) for values in weights.values()):
        raise _broken(path.parent, f"weights in {path.name} that are not numbers")
    network.eval().requires_grad_(False)
