"""Models with random weights: speed does not depend on what was learned."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from pseudohealthy.models.population import Population
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.recipe import Recipe


def untrained(recipe: Recipe) -> Model:
    """The recipe's model; weights that start at zero are random too, or every result would be the same."""
    torch.manual_seed(0)  # initial weights: PyTorch's layers take no generator
    stage_1, stage_2 = recipe.reconstructor, recipe.segmenter
    model = Model(
        recipe=recipe,
        reconstructor=RECONSTRUCTORS[stage_1.method][1](stage_1.settings),
        segmenter=SEGMENTERS[stage_2.method][1](stage_2.settings),
        population=Population.of(np.zeros((1, *GRIDS[recipe.grid].shape[::-1]), np.float32)),
        seed=0,
        trained_on={},
    )
    for network in (model.reconstructor, model.segmenter):
        if network is not None:
            _fill(network)
            network.eval().requires_grad_(False)
    return model


def _fill(network: nn.Module) -> None:
    for weight in network.parameters():
        if not weight.any():
            nn.init.normal_(weight, std=0.02)
