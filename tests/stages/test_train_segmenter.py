import dataclasses

import pytest
import torch
from torch.nn import functional

from made_cohort import write_made_cohort
from pseudohealthy.data.slices import fixed_slices, generator
from pseudohealthy.errors import CohortError, ConfigError, LeakError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import sha256
from pseudohealthy.stages import training
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.tensors import store_cohort
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import Batches, Validation, pooled_dice, train_segmenter

NOBODY = Cohort(())


@pytest.fixture(scope="module")
def stage_1(made_cohort, tmp_path_factory):
    with RunFolder.open(tmp_path_factory.mktemp("stage-1")) as run:
        return train_reconstructor(
            made_cohort.split("train"), made_cohort.split("validation"), load_recipe("smoke"), run
        )


def test_an_interrupted_and_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    made_cohort, stage_1, tmp_path, monkeypatch
):
    recipe = load_recipe(
        "smoke",
        [
            "segmenter_training.steps=40",
            "segmenter_training.ema_decay=0.9",
            "segmenter_training.validate_every_steps=10",
        ],
    )
    scans = Supervision(NOBODY, made_cohort.split("annotated"), made_cohort.split("validation"))

    def train(name, *, resume=False):
        with RunFolder.open(tmp_path / name, resume=resume) as run:
            train_segmenter(stage_1, scans, recipe, run, resume=resume)
        return sha256(tmp_path / name / "model" / "segmenter.safetensors")

    expected = train("whole")
    step = training.Trainee.training_step

    def interrupted(self, batch, batch_idx):
        if self.global_step == 23:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    monkeypatch.setattr(training.Trainee, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train("broken")
    monkeypatch.setattr(training.Trainee, "training_step", step)
    assert train("broken", resume=True) == expected


@pytest.mark.parametrize(("share", "painted"), [(0.0, 0), (0.25, 2), (1.0, 8)])
def test_batches_mix_painted_and_annotated_slices_as_asked(made_cohort, tmp_path, share, painted):
    stores = {role: store_cohort(made_cohort.split(split), tmp_path / role, "small", "brainbox")
              for role, split in (("healthy", "train"), ("annotated", "annotated"))}  # fmt: skip
    recipe = load_recipe(
        "smoke",
        [
            "supervision.synthetic=draem",
            f"supervision.synthetic_share={share}",
            "segmenter_training.batch_size=8",
            "supervision.lesion_slice_share=1.0",
        ],
    )
    batches = Batches(stores, recipe)
    assert (batches.synthetic, batches.annotated) == (painted, 8 - painted)
    batch = batches.draw(3, torch.Generator().manual_seed(0))
    assert batch.x.shape == (8, 1, 96, 80)
    assert batch.lesion[painted:].flatten(1).any(dim=1).all()
    again = batches.draw(3, torch.Generator().manual_seed(0))
    assert all(torch.equal(getattr(batch, f.name), getattr(again, f.name)) for f in dataclasses.fields(batch))


def test_nothing_to_learn_from_is_refused(made_cohort, stage_1, tmp_path):
    scans = Supervision(NOBODY, NOBODY, made_cohort.split("validation"))
    with pytest.raises(CohortError, match="draem"):
        train_segmenter(stage_1, scans, load_recipe("smoke"), RunFolder(tmp_path))


def test_nobody_to_paint_on_is_refused(made_cohort, stage_1, tmp_path):
    scans = Supervision(NOBODY, made_cohort.split("annotated"), made_cohort.split("validation"))
    recipe = load_recipe("smoke", ["supervision.synthetic=draem"])
    with pytest.raises(CohortError, match="no healthy scan to paint on"), RunFolder.open(tmp_path / "run") as run:
        train_segmenter(stage_1, scans, recipe, run)


def test_who_learned_from_annotated_scans_and_paint_is_not_called_as_who_saw_paint_alone(
    made_cohort, stage_1, tmp_path
):
    recipe = load_recipe("smoke", ["supervision.synthetic=draem"])
    rows = []
    for number, annotated in enumerate((NOBODY, made_cohort.split("annotated"))):
        scans = Supervision(made_cohort.split("train"), annotated, made_cohort.split("validation"))
        with RunFolder.open(tmp_path / str(number)) as run:
            rows.append(train_segmenter(stage_1, scans, recipe, run).row)
    assert rows == ["sadm_res_draem", "sadm_res_draem_mixed"]


def test_a_segmenter_too_deep_for_the_grid_of_stage_1_is_refused(made_cohort, stage_1, tmp_path):
    scans = Supervision(NOBODY, made_cohort.split("annotated"), made_cohort.split("validation"))
    recipe = load_recipe("smoke", ["grid=paper", "segmenter={method: unet, settings: {widths: [8, 8, 8, 8, 8, 8]}}"])
    with pytest.raises(ConfigError, match="multiples of 32"), RunFolder.open(tmp_path / "run") as run:
        train_segmenter(stage_1, scans, recipe, run)


def test_annotated_scans_that_stage_1_has_learned_from_are_refused(stage_1, tmp_path):
    twice = write_made_cohort(tmp_path, {"annotated": ("healthy", 1), "validation": ("ball", 1)})
    marked = Cohort(
        dataclasses.replace(case, lesion_mask=twice.split("validation")[0].lesion_mask)
        for case in twice.split("annotated")
    )
    scans = Supervision(NOBODY, marked, twice.split("validation"))
    with pytest.raises(LeakError, match="learned"):
        train_segmenter(stage_1, scans, load_recipe("smoke"), RunFolder(tmp_path))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.98])
def test_a_share_that_leaves_none_of_a_kind_is_refused(made_cohort, stage_1, tmp_path, share):
    recipe = load_recipe("smoke", ["supervision.synthetic=draem", f"supervision.synthetic_share={share}"])
    scans = Supervision(*(made_cohort.split(name) for name in ("train", "annotated", "validation")))
    with pytest.raises(ConfigError, match="at least one of each kind"), RunFolder.open(tmp_path) as run:
        train_segmenter(stage_1, scans, recipe, run)


@pytest.mark.parametrize("segmented", ["each", "mean"])
def test_what_is_validated_is_the_map_of_prediction(made_cohort, fitted, tmp_path, segmented):
    model = fitted.load()
    recipe = dataclasses.replace(model.recipe, score=dataclasses.replace(model.recipe.score, segmented=segmented))
    model = dataclasses.replace(model, recipe=recipe)
    model.reconstructor.views = lambda x, rng: torch.stack([0.7 * x, 0.9 * x, x])  # as of several t
    store = store_cohort(made_cohort.split("annotated"), tmp_path, recipe.grid, recipe.space)
    slices, references = fixed_slices(store, 12, lesioned=True), Reference(model, "reconstruction")
    found = Validation(slices, references, 5, segmented)(model.segmenter)
    views = references.views(slices, generator(5, "val"))
    with torch.inference_mode():
        probability = Inference(model)._segmented(slices, views)
        loss = functional.binary_cross_entropy(probability, slices.lesion, reduction="none")[slices.mask].sum()
        outside = found["val_loss"] * slices.x.numel() - loss  # prediction shows nothing there
    assert found["val_dice"] == pytest.approx(pooled_dice(probability, slices))
    assert outside == pytest.approx(float(_outside(model, slices, views)), rel=1e-3)


def _outside(model, slices, views):
    """What the background adds to the cross-entropy."""
    shown = views if model.recipe.score.segmented == "each" else views.mean(0, keepdim=True)
    with torch.inference_mode():
        probability = model.segmenter.views(slices.x, slices.x - shown).sigmoid().mean(0)
    return functional.binary_cross_entropy(probability, slices.lesion, reduction="none")[~slices.mask].sum()
