"""Synthetic anomalies with known labels. A new generator is one file and one line in `ANOMALIES`."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from pseudohealthy.data.blobs import BlobAnomaly
from pseudohealthy.data.draem import DraemAnomaly


class AnomalyGenerator(Protocol):
    """Paints anomalies on a batch of healthy slices."""

    def __call__(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Paint.

        Args:
            x: (n, 1, y, x) intensities in [0, 1.5], 0 = background.
            mask: (n, 1, y, x) bool, the brain.
            rng: Generator on the CPU, whatever the device of `x`.

        Returns:
            Painted slices, unchanged outside the brain, and labels (n, 1, y, x) float, 1 = anomaly, 0 = none.
        """
        ...


ANOMALIES: dict[str, AnomalyGenerator] = {"draem": DraemAnomaly(), "blobs": BlobAnomaly()}
