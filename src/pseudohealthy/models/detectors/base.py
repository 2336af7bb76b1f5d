"""What a method without a reconstruction is to the rest of the house."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class Detector(Protocol):
    """Scores a volume on the model grid."""

    def map(self, x: NDArray[np.float32], mask: NDArray[np.bool_], rng: torch.Generator) -> NDArray[np.float32]:
        """Anomaly score in [0, 1], higher = more anomalous; all arrays (z, y, x). Outside the mask it is not read."""
        ...
