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
        """Half, outside the mask too: on the way to a finer grid its border must not fade."""
        return np.full_like(x, 0.5)
