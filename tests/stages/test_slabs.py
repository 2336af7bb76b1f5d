"""Slabs cover a brain, are averaged where they overlap, and are refused where they do not fit."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import make_brain
from fitted import Fitted
from pseudohealthy.config import TrainingSettings
from pseudohealthy.data.slices import SliceBatch
from pseudohealthy.errors import ConfigError
from pseudohealthy.models.segmenters import Segmenter
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.looks import watch_segmenter
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.slabs import covering, refuse_slabs, slab_of
from pseudohealthy.stages.tensors import to_zyx


@pytest.mark.parametrize("slab", [1, 2, 5, 8, 24])
@pytest.mark.parametrize("brain", [range(3, 20), range(0, 24), range(18, 24), range(0, 2), (4, 5, 15)])
def test_slabs_cover_the_brain_and_overlap_by_half(slab, brain):
    shown = np.zeros(24, bool)
    shown[list(brain)] = True
    slabs = covering(shown, slab)
    assert slabs.shape[1] == slab
    assert slabs.min() >= 0
    assert slabs.max() < 24
    assert set(brain) <= set(slabs.ravel().tolist())
    assert (np.diff(slabs, axis=1) == 1).all()
    if slab == 1:
        assert slabs[:, 0].tolist() == list(brain)
    else:
        steps = np.diff(slabs[:, 0])
        assert (steps <= max(1, slab // 2)).all()
        assert (steps > 0).all()


def test_no_brain_needs_no_slab():
    assert covering(np.zeros(9, bool), 4).size == 0


class Place(Segmenter):
    """Its logit is the place of a slice in its slab; it keeps what it was given."""

    uses_residual = False
    slab = 6

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Tensor] = []

    def __deepcopy__(self, memo: dict[int, object]) -> Place:
        return self  # inference works on a copy; what that was given is asked here

    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        assert residual is None
        self.given.append(x)
        return (torch.arange(len(x)) % self.slab).float().view(-1, 1, 1, 1).expand_as(x)


def test_probabilities_of_overlapping_slabs_are_averaged(fitted: Fitted):
    segmenter = Place()
    model = replace(load_model(fitted.stage_1), segmenter=segmenter)
    scan = prepare_scan(make_brain((5.0, 5.0, 5.0)), GRIDS[model.recipe.grid], None, model.recipe.space)
    found = Inference(model).branches(scan).supervised
    x, mask = to_zyx(scan.image.data), to_zyx(scan.mask.data)
    slabs = covering(mask.any(axis=(1, 2)), 6)
    given = torch.cat(segmenter.given)[:, 0].numpy()
    np.testing.assert_array_equal(given, x[slabs.ravel()])
    assert {len(each) for each in segmenter.given[:-1]} == {12}  # as many whole slabs as 16 slices make up
    for z in range(len(x)):
        places = [int(place) for slab in slabs for place in np.flatnonzero(slab == z)]
        expected = torch.tensor(places).sigmoid().mean().item() if mask[z].any() else 0
        np.testing.assert_allclose(found[z][mask[z]], expected, atol=1e-6)
        assert not found[z][~mask[z]].any()


class Echo(Place):
    """Its logits are the slices."""

    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        self.given.append(x)
        return x


@pytest.mark.parametrize("slab", [1, 6])
def test_who_watches_sees_the_maps_of_the_slices_that_are_shown(slab: int, fitted: Fitted):
    x = torch.rand(18, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    lesion, nothing = torch.zeros_like(x), torch.zeros_like(x, dtype=torch.bool)
    lesion[[2, 10, 11]] = 1  # of the first two thirds, and none of the last
    slices = SliceBatch(x, ~nothing, lesion, nothing, torch.arange(18))
    segmenter, scenes, maps = Echo(), [], []
    segmenter.slab = slab
    segmenter.register_parameter("one", torch.nn.Parameter(torch.ones(1)))
    watch: Any = SimpleNamespace(begin=scenes.append, see=lambda step, seen: maps.append(seen))
    settings = TrainingSettings(steps=1)
    references = Reference(load_model(fitted.stage_1), "reconstruction")
    (watching,) = watch_segmenter(watch, "echo", settings, slices, references, slab)
    trainer: Any = SimpleNamespace(global_step=1)
    module: Any = SimpleNamespace(network=segmenter)
    watching.on_fit_start(trainer, module)
    watching.on_validation_batch_end(trainer, module, None, None, 0)
    np.testing.assert_array_equal(scenes[0].slices, x[[2, 10, 12], 0])
    np.testing.assert_array_equal(maps[0][:, 0], x[[2, 10, 12], 0].sigmoid())
    assert len(segmenter.given[0]) == 3 * slab


@pytest.mark.parametrize(
    ("keys", "parts", "message"),
    [
        ({"segmenter_training.batch_size": 12}, 1, r"batch_size 12: found nnunet_3d.* slabs of 8 .*multiple of 8.*=8$"),
        ({"segmenter_training.batch_size": 2}, 1, r"batch_size 2: .*batch_size=8$"),
        ({"segmenter_training.batch_size": 24}, 2, r"2 parts \(devices times accumulate\).*multiple of 16.*=16$"),
        ({"segmenter.settings": "{slab: 81}", "segmenter_training.batch_size": 81}, 1, "at most 80, .*grid 'small'"),
        ({"supervision.synthetic": "draem"}, 1, "supervision.synthetic 'draem': found nnunet_3d.*painted slice by"),
    ],
)
def test_slabs_that_do_not_fit_are_refused(keys, parts, message):
    recipe = load_recipe("small", ["segmenter={method: nnunet_3d}", *(f"{key}={value}" for key, value in keys.items())])
    painting = recipe.supervision.synthetic != "none"
    with pytest.raises(ConfigError, match=message):
        refuse_slabs(slab_of(recipe), recipe, painting=painting, parts=parts)


def test_single_slices_and_slabs_that_fit_are_not_refused():
    recipe = load_recipe("small", ["segmenter={method: nnunet_3d}"])
    refuse_slabs(slab_of(recipe), recipe, painting=False, parts=2)
    single = load_recipe("small", ["segmenter={method: nnunet_2d}", "segmenter_training.batch_size=13"])
    refuse_slabs(slab_of(single), single, painting=True, parts=2)
