"""The row that every method must beat: the same score everywhere. Its best Dice is 2p/(1+p), p the lesion's share."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from pseudohealthy.models.population import Population


class Constant:
    """Calls all of the brain equally anomalous."""

    def __init__(self, population: Population) -> None:
        del population  # it learns nothing

    def map(self, x: NDArray[np.float32], mask: NDArray[np.bool_], rng: torch.Generator) -> NDArray[np.float32]:
        """Half, everywhere in the mask."""
        return np.where(mask, np.float32(0.5), np.float32(0))
