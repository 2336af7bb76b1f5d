"""What Stage II is to the rest of the house: something that delineates what deviates."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Segmenter(nn.Module, ABC):
    """A network that sees the scan and, if `uses_residual`, what its reconstruction could not explain."""

    uses_residual: bool

    @abstractmethod
    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        """Logits of the anomaly.

        Args:
            x: The scan's slices, (slice, 1, y, x).
            residual: Signed residual x - x^, same shape; None for segmenters that see the scan alone.
        """
