"""A model with random weights on the coarsest grid, for tests of what is written rather than of what is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pseudohealthy.models.population import Population
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.stages.model_folder import Model, save_model
from pseudohealthy.stages.recipe import load_recipe


def untrained(folder: Path) -> Path:
    """Write its model folder; without Stage II."""
    recipe = load_recipe("smoke", ["grid=coarse"])
    torch.manual_seed(0)
    network = RECONSTRUCTORS["cddpm"][1](recipe.reconstructor.settings)
    shape = GRIDS["coarse"].shape[::-1]
    population = Population(np.zeros(shape, np.float32), np.ones(shape, np.float32), 1)
    save_model(Model(recipe, network, None, population, 0, {}), folder)
    return folder
