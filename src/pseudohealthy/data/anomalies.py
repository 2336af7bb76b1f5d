"""Synthetic anomalies with known labels. A new generator is one file and one line in `ANOMALIES`."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from pseudohealthy.data.blobs import BlobAnomaly
from pseudohealthy.data.cutpaste import CutPasteAnomaly
from pseudohealthy.data.dag import DagAnomaly
from pseudohealthy.data.draem import DraemAnomaly
from pseudohealthy.data.fpi import FpiAnomaly
from pseudohealthy.data.pii import PiiAnomaly


class AnomalyGenerator(Protocol):
    """Paints anomalies on a batch of healthy slices."""

    def __call__(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Paint.

        Args:
            x: (n, 1, y, x) intensities in [0, 1.5], 0 = background.
            mask: (n, 1, y, x) bool, the brain.
            rng: Generator on the CPU, whatever the device of `x`. What is drawn does not depend on the images.

        Returns:
            Painted slices, unchanged outside the brain, and labels (n, 1, y, x) float in [0, 1], 0 = none. Where
            a source grades its anomalies (`SOFT`), so does the label; elsewhere it is 0 or 1.
        """
        ...


ANOMALIES: dict[str, AnomalyGenerator] = {
    "draem": DraemAnomaly(),
    "blobs": BlobAnomaly(),
    "fpi": FpiAnomaly(),
    "pii": PiiAnomaly(),
    "cutpaste": CutPasteAnomaly(),
    "dag": DagAnomaly(),
}
SOFT = ("fpi", "pii", "dag")
"""Generators whose labels say how foreign a pixel is, not only whether."""
