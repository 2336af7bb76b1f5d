"""A training that is watched: the same weights, pictures at a few moments, a page from the files alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from browser import Watched, launched
from pseudohealthy.cli import main
from pseudohealthy.config import TrainingSettings
from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import sha256
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import train_segmenter
from pseudohealthy.stages.watching import Scene, moments, telling_slices
from pseudohealthy.workflows.page_anew import page_anew
from pseudohealthy.workflows.training_page import TrainingPage, write_training_page

STEPS = [
    f"{stage}.{key}"
    for stage in ("reconstructor_training", "segmenter_training")
    for key in ("steps=4", "validate_every_steps=1", "ema_decay=0.9")
]
MOMENTS = (1, 2, 3, 4)


def train(folder: Path, cohort: Cohort, watch: TrainingPage | None, stage_1: Path | None = None) -> Path:
    recipe = load_recipe("smoke", STEPS)
    with RunFolder.open(folder) as run:
        if stage_1 is None:
            train_reconstructor(cohort.split("train"), cohort.split("validation").healthy, recipe, run, watch=watch)
        else:
            scans = Supervision(Cohort(()), cohort.split("annotated"), cohort.split("validation"))
            train_segmenter(load_model(stage_1), scans, recipe, run, watch=watch)
    return folder


@pytest.fixture(scope="module")
def watched(tmp_path_factory, made_cohort) -> Path:
    folder = tmp_path_factory.mktemp("watched") / "run"
    return train(folder, made_cohort, TrainingPage(folder))


@pytest.mark.timeout(600)
def test_watching_changes_no_weight(watched, made_cohort, fitted, tmp_path) -> None:
    alone = train(tmp_path / "alone", made_cohort, None)
    for name in ("model/reconstructor.safetensors", "metrics.csv"):
        assert sha256(alone / name) == sha256(watched / name)
    assert not (alone / "training.html").exists()
    second = [tmp_path / "second", tmp_path / "second-alone"]
    for folder, watch in zip(second, (TrainingPage(second[0]), None), strict=True):
        train(folder, made_cohort, watch, fitted.stage_1)
    assert len({sha256(folder / "model" / "segmenter.safetensors") for folder in second}) == 1
    page = (second[0] / "training.html").read_text()
    assert "Stage II: unet_res" in page
    assert "Dice" in page
    assert page.count("Map of slice") == 3 * len(MOMENTS)


def test_the_page_shows_all_moments_and_is_the_same_made_anew(watched, tmp_path, capsys) -> None:
    assert moments(TrainingSettings(steps=8, validate_every_steps=1)) == (1, 2, 4, 5, 7, 8)
    assert moments(TrainingSettings(steps=2, validate_every_steps=100)) == (2,)
    page = (watched / "training.html").read_text()
    assert page.count('<th scope="row">t = ') == 3  # the recipe of the test has one t
    assert page.count("Reconstruction of slice") == 3 * len(MOMENTS)
    assert "All 4 steps are done." in page
    names = {file.name for file in (watched / "pictures").iterdir()}
    assert names == {f"slice-{k}_{what}.webp" for k in (1, 2, 3) for what in ("scan", "lesion")} | {
        f"slice-{k}_step-{step:06d}.webp" for k in (1, 2, 3) for step in MOMENTS
    }
    assert all((watched / "pictures" / name).stat().st_size < 20_000 for name in names)

    copy = tmp_path / "copy"
    shutil.copytree(watched, copy, ignore=shutil.ignore_patterns("model", "checkpoints", "training.html"))
    assert main(["report", str(copy)]) == 0
    assert (copy / "training.html").read_text() == page
    lines = (copy / "metrics.csv").read_text().splitlines(keepends=True)
    (copy / "metrics.csv").write_text("".join(lines[:3]))  # as after two steps
    assert page_anew(copy) == [copy / "training.html"]
    earlier = (copy / "training.html").read_text()
    assert "Step 2 of 4" in earlier
    assert earlier.count("Reconstruction of slice") == 3 * 2
    (copy / "metrics.csv").write_text("step,val_loss\n1,x\n")
    assert main(["report", str(copy)]) == 2
    assert "metrics.csv" in capsys.readouterr().err.splitlines()[-1]
    assert main(["report", str(tmp_path)]) == 2
    assert "training.json and metrics.csv" in capsys.readouterr().err.splitlines()[-1]


def scene(**changes) -> Scene:
    slices = np.zeros((2, 8, 6), np.float32)
    content = {"title": "A", "kind": "score", "views": (), "slices": slices, "lesions": slices > 0, "steps": 4}
    return Scene(**{**content, "moments": (2, 4), **changes})


def test_a_resumed_training_keeps_its_pictures_and_another_one_does_not(tmp_path) -> None:
    page = TrainingPage(tmp_path)
    page.begin(scene())
    page.see(2, np.random.default_rng(0).random((2, 1, 8, 6), dtype=np.float32))
    kept = tmp_path / "pictures" / "slice-1_step-000002.webp"
    before = kept.read_bytes()
    TrainingPage(tmp_path).begin(scene())
    assert kept.read_bytes() == before
    (tmp_path / "metrics.csv").write_text("")
    assert "No validation" in write_training_page(tmp_path).read_text()
    TrainingPage(tmp_path).begin(scene(moments=(1, 4)))
    assert not kept.exists()
    (tmp_path / "training.json").write_text("[]")
    with pytest.raises(CohortError, match=r"training\.json"):
        write_training_page(tmp_path)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "views", "theme"), [("score", (), "dark"), ("reconstruction", ("t = 1", "t = 2"), "light")]
)
def test_the_page_opens_offline_and_axe_finds_nothing(kind, views, theme, tmp_path) -> None:
    page = TrainingPage(tmp_path)
    page.begin(scene(kind=kind, views=views))
    for step in (2, 4):
        page.see(step, np.random.default_rng(0).random((2, len(views) or 1, 8, 6), dtype=np.float32))
    (tmp_path / "metrics.csv").write_text("step,train_loss,val_loss\n2,0.5,0.4\n4,0.02,0.3\n")
    address = write_training_page(tmp_path).as_uri()
    with launched() as browser:
        context = browser.new_context(viewport={"width": 800, "height": 1100}, color_scheme=theme, offline=True)
        watched = Watched(context).open(address, viewer=False)
        assert watched.requests == [address]
        assert watched.violations() == []
        assert watched.page.locator("svg[role=img]").get_attribute("aria-label").startswith("Loss over 4 steps.")
        assert watched.page.locator(".tiles img").count() == 2 * (2 + 2)
        assert watched.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert watched.troubles == []


def test_slices_with_much_lesion_and_a_fair_piece_of_brain_are_chosen() -> None:
    brain = torch.ones(9, 1, 4, 4, dtype=torch.bool)
    lesion = torch.zeros(9, 1, 4, 4)
    lesion[1, 0, 0], lesion[2, 0, :2], lesion[5, 0, 0], lesion[6, 0, 0, 0] = 1, 1, 1, 1
    brain[2, 0, :3] = False
    assert telling_slices(lesion, brain).tolist() == [1, 5, 6]
    assert telling_slices(lesion[:2], brain[:2]).tolist() == [0, 1]
