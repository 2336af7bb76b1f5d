"""What Stage II compares a scan with: its pseudo-healthy reconstruction, or a control in its place.

The controls answer whether the reconstruction matters: `input` makes the residual zero, `population` is the mean
healthy brain, which needs no network.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pseudohealthy.data.slices import EVERY, SliceBatch
from pseudohealthy.errors import ConfigError
from pseudohealthy.stages.model_folder import Model

REFERENCES = ("reconstruction", "input", "population")


class Reference:
    """x^ of slices, by the frozen reconstructor or by a control.

    Args:
        model: Its reconstructor and population are used.
        name: One of `REFERENCES`.
    """

    def __init__(self, model: Model, name: str) -> None:
        if name not in REFERENCES:
            raise ConfigError(
                "reference", found=f"'{name}'", needed=f"one of {', '.join(REFERENCES)}", fix="Check the spelling."
            )
        self._name, self._reconstructor = name, model.reconstructor
        self._mean = torch.from_numpy(model.population.mean)

    def views(self, batch: SliceBatch, rng: torch.Generator) -> Tensor:
        """All x^ that the score averages, (view, slice, 1, y, x)."""
        if self._name == "reconstruction":
            return self._masked(self._reconstructor.views(batch.x, rng), batch)
        return self._control(batch)[None]

    @torch.no_grad()
    def draw(self, batch: SliceBatch, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """One random x^ of each of `rows`, for training; random numbers are drawn for the whole batch."""
        if self._name == "reconstruction" and rows == EVERY:
            return self._masked(self._reconstructor.draw(batch.x, rng), batch)
        if self._name == "reconstruction":
            return self._reconstructor.draw(batch.x, rng, rows) * batch.mask[rows]
        return self._control(batch)[rows]

    def _control(self, batch: SliceBatch) -> Tensor:
        if self._name == "input":
            return batch.x
        return self._masked(self._mean[batch.position.cpu()][:, None].to(batch.x.device), batch)

    @staticmethod
    def _masked(x_hat: Tensor, batch: SliceBatch) -> Tensor:
        return x_hat * batch.mask
