"""What Stage II is to the rest of the house: something that delineates what deviates."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional


class Segmenter(nn.Module, ABC):
    """A network that sees the scan and, if `uses_residual`, what its reconstruction could not explain."""

    uses_residual: bool
    slab: int = 1
    """Neighbouring slices that it sees as one sample: what it is given are whole slabs, one after the other."""

    @abstractmethod
    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        """Logits of the anomaly.

        Args:
            x: The scan's slices, (slice, 1, y, x).
            residual: Signed residual x - x^, same shape; None for segmenters that see the scan alone.
        """

    def views(self, x: Tensor, residuals: Tensor) -> Tensor:
        """Logits for each of several residuals of the same slices: in prediction there is one for each t.

        Args:
            x: See `forward`.
            residuals: (view, slice, 1, y, x).

        Returns:
            (view, slice, 1, y, x), equal to those of `forward` up to rounding.
        """
        return torch.stack([self(x, residual) for residual in residuals])

    def loss(self, x: Tensor, residual: Tensor | None, label: Tensor, weight: Tensor) -> Tensor:
        """Training loss, a scalar: the binary cross-entropy (paper, eq. 5), where the method has no other.

        Args:
            x: See `forward`.
            residual: See `forward`.
            label: (slice, 1, y, x) in [0, 1].
            weight: 0 for pixels that are neither lesion nor healthy, else 1; same shape.
        """
        return functional.binary_cross_entropy_with_logits(self(x, residual), label, weight=weight)
