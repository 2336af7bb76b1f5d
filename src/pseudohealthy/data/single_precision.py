"""What is drawn, painted and summed is computed with 32 bits, whatever precision the training around it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def single_precision() -> Iterator[None]:
    """Inside, products and convolutions keep the precision of what goes in.

    Else a batch would depend on the processor, and sums lose digits. And CUDA's autocast, unlike the CPU's, leaves it
    to the caller that a product, which it has made 16 bits wide, meets only its like.
    """
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        yield
