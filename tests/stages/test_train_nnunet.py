"""The independent baselines, trained on slices or slabs, saved, loaded, and asked for a map."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pseudohealthy.cli import main
from pseudohealthy.errors import CohortError, ConfigError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import PreparedScan
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model, load_model
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.tensors import read_case
from pseudohealthy.stages.train_segmenter import train_segmenter
from pseudohealthy.stages.watching import Scene

NOBODY = Cohort(())
SETTINGS = {"nnunet_2d": "{features: [4, 4, 8, 8]}", "nnunet_3d": "{features: [4, 4, 8, 8], slab: 4}"}


@dataclass
class Watcher:
    """Keeps what it is shown."""

    scenes: list[Scene] = field(default_factory=list)
    maps: list[NDArray[np.float32]] = field(default_factory=list)

    def begin(self, scene: Scene) -> None:
        self.scenes.append(scene)

    def see(self, step: int, maps: NDArray[np.float32]) -> None:
        self.maps.append(maps)

    def validated(self) -> None:
        pass


@dataclass(frozen=True)
class Trained:
    """What a training has left."""

    method: str
    model: Model
    run: Path
    watcher: Watcher


def recipe_of(method, *keys):
    chosen = ("steps=3", "batch_size=8", "learning_rate=0.01", "validate_every_steps=1", *keys)
    return load_recipe(
        "smoke",
        [f"segmenter={{method: {method}, settings: {SETTINGS[method]}}}", "supervision.lesion_slice_share=0.5"]
        + [f"segmenter_training.{key}" for key in chosen],
    )


@pytest.fixture(scope="module", params=SETTINGS)
def trained(request, fitted, tmp_path_factory) -> Trained:
    """Three steps on two scans with a ball, validated on two others; the batch is worked through in two parts."""
    path, watcher = tmp_path_factory.mktemp(request.param) / "run", Watcher()
    scans = Supervision(NOBODY, fitted.cohort.split("annotated"), fitted.cohort.split("test"))
    with RunFolder.open(path) as run:
        recipe = recipe_of(request.param, "accumulate=2")
        model = train_segmenter(load_model(fitted.stage_1), scans, recipe, run, watch=watcher)
    return Trained(request.param, model, path, watcher)


@pytest.fixture(scope="module")
def scans(fitted) -> list[PreparedScan]:
    recipe = load_model(fitted.stage_1).recipe
    cohort = fitted.cohort
    return [read_case(case, GRIDS[recipe.grid], recipe.space) for case in (cohort.split("test")[0], cohort[0])]


def test_a_training_learns_and_tells(trained):
    with (trained.run / "metrics.csv").open() as table:
        losses = [float(row["val_loss"]) for row in csv.DictReader(table)]
    assert len(set(losses)) == 3
    assert trained.model.metrics["segmenter_val_loss"] == pytest.approx(min(losses), abs=1e-4)
    assert min(losses) < trained.model.metrics["segmenter_untrained_val_loss"]


def test_three_telling_slices_are_watched(trained):
    (scene,), maps = trained.watcher.scenes, trained.watcher.maps
    assert scene.slices.shape == scene.lesions.shape == (3, 96, 80)
    assert scene.lesions.any(axis=(1, 2)).all()
    assert [each.shape for each in maps] == [(3, 1, 96, 80)] * 3
    assert all((each[:, 0][scene.slices > 0] > 0).any() for each in maps)
    assert not any(each[..., 0].any() for each in maps)  # outside the brain


def test_a_loaded_model_gives_the_same_maps_alone_and_after_other_scans(trained, scans):
    loaded = load_model(trained.run / "model")
    assert (loaded.segmenter_row, loaded.row) == (trained.method, f"sadm_{trained.method}")
    inference, scan = Inference(trained.model), scans[0]
    alone = Inference(loaded).branches(scan)
    for each in reversed(scans):
        branches = inference.branches(each)
    np.testing.assert_array_equal(branches.supervised, alone.supervised)
    np.testing.assert_array_equal(branches.unsupervised, alone.unsupervised)
    assert alone.supervised.std() > 0
    assert list(inference.rows(scan, branches, baselines=False)) == [trained.method, f"sadm_{trained.method}"]


def test_only_a_network_of_slabs_sees_neighbours(trained, scans):
    scan = scans[0]
    middle, data = scan.mask.data.shape[2] // 2, scan.image.data.copy()
    data[:, :, middle] *= 0.5
    changed = replace(scan, image=scan.image.like(data))
    inference = Inference(trained.model)
    before, after = (inference.branches(each).supervised for each in (scan, changed))
    touched = np.flatnonzero((before != after).any(axis=(1, 2))) - middle
    assert 0 in touched
    assert (set(touched) == {0}) == (trained.method == "nnunet_2d")
    assert np.abs(touched).max() < 4  # no slab is higher


def test_slabs_of_no_whole_number_and_painted_slabs_are_refused_before_any_scan_is_read(fitted, tmp_path):
    stage_1, cohort = load_model(fitted.stage_1), fitted.cohort
    scans = Supervision(NOBODY, cohort.split("annotated"), cohort.split("test"))
    run = RunFolder(tmp_path / "run")
    with pytest.raises(ConfigError, match="multiple of 4"):
        train_segmenter(stage_1, scans, recipe_of("nnunet_3d", "batch_size=6"), run)
    with pytest.raises(ConfigError, match="2 parts"):
        train_segmenter(stage_1, scans, recipe_of("nnunet_3d", "batch_size=4", "accumulate=2"), run)
    with pytest.raises(
        CohortError, match="found no lesion mask; needed annotated scans, where the segmenter sees slabs"
    ):
        train_segmenter(stage_1, replace(scans, validation=cohort.split("validation")), recipe_of("nnunet_3d"), run)
    supervision = replace(recipe_of("nnunet_3d").supervision, synthetic="blobs")
    painted = replace(recipe_of("nnunet_3d"), supervision=supervision)
    with pytest.raises(ConfigError, match="'blobs': found nnunet_3d"):
        train_segmenter(stage_1, replace(scans, healthy=cohort.split("train")), painted, run)
    assert not run.path.exists()


def test_the_command_refuses_slabs_that_devices_would_cut_before_it_starts_them(fitted, tmp_path, capsys):
    options = ("--config", "smoke", "--set", f"segmenter={{method: nnunet_3d, settings: {SETTINGS['nnunet_3d']}}}")
    paths = ("--reconstructor", str(fitted.stage_1), "--data", str(fitted.table), "--out", str(tmp_path / "run"))
    batch = ("--set", "segmenter_training.batch_size=4", "--devices", "2")
    assert main(["train", "segmenter", *paths, *options, *batch]) == 2
    assert "needed a multiple of 8" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
