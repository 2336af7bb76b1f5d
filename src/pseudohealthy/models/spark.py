"""SparK: masked pre-training of a convolutional encoder. Tian et al., ICLR 2023, arXiv 2301.03580.

Most of a slice is hidden, square cell by square cell; the encoder sees the rest as if its convolutions were sparse:
what is hidden stays zero at every layer, and normalisation counts kept positions alone (section 3.1). A light decoder
puts a learned vector in place of what is hidden, at every level (section 3.2), and fills in the slice. Its target is
each hidden cell, brought to zero mean and unit variance; L2 (section 3.3). The decoder is thrown away.

Differences from the source: cells may be smaller than the encoder's stride (theirs: equal, which would leave nine on a
slice of 96 pixels), a position of a coarse level being kept where any of its pixels is; cells without brain have no
target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.condition import feature_levels
from pseudohealthy.models.diffusion import to_signed


class SparK(nn.Module):
    """An encoder and the decoder that it is pre-trained with.

    Args:
        encoder: An encoder of the condition; it is trained in place.
        mask_ratio: Share of cells that are hidden.
        cell: Edge of a cell in pixels; y and x must be divisible by it, and it by the finest level's stride.
        width: Channels of the decoder.
    """

    def __init__(self, encoder: nn.Module, mask_ratio: float = 0.65, cell: int = 16, width: int = 64) -> None:
        super().__init__()
        self.encoder, self.mask_ratio, self.cell = encoder, mask_ratio, cell
        was_training = encoder.training
        with torch.no_grad():
            device = next(encoder.parameters()).device
            probe = feature_levels(encoder.eval(), torch.zeros(1, 1, 64, 64, device=device))
        encoder.train(was_training)
        channels = [level.shape[1] for level in probe]
        self.stride = 64 // probe[0].shape[-1]
        self.hidden = nn.ParameterList(torch.zeros(1, each, 1, 1) for each in channels)
        self.entry = nn.ModuleList(nn.Conv2d(each, width, 1) for each in channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.SiLU()) for _ in channels
        )
        self.head = nn.Conv2d(width, self.stride**2, 1)

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """L2 between hidden cells, normalised, and what the decoder makes of the others; a scalar."""
        kept = self.kept(x, rng)[rows]
        x = x[rows]
        target, counted = self.target(x)
        error = (self.filled(x, kept) - target).square()
        weight = (counted & ~kept).to(error.dtype)
        return (error * weight).sum() / weight.sum().clamp_min(1)

    def kept(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Pixels that the encoder may see, (n, 1, y, x) bool: the same number of cells in each slice, at random."""
        n, rows, columns = len(x), x.shape[-2] // self.cell, x.shape[-1] // self.cell
        keep = max(1, round((1 - self.mask_ratio) * rows * columns))
        chosen = torch.rand(n, rows * columns, generator=rng).argsort(1).argsort(1) < keep
        return self._enlarged(chosen.view(n, 1, rows, columns).to(x.device))

    def target(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Each cell with zero mean and unit variance, and the cells that show brain; (n, 1, y, x) both."""
        cells = functional.pixel_unshuffle(x, self.cell)
        sd, mean = torch.std_mean(cells, dim=1, keepdim=True, correction=0)
        normalised = functional.pixel_shuffle((cells - mean) / (sd + 1e-3), self.cell)
        return normalised, self._enlarged((cells > 0).any(1, keepdim=True))

    def filled(self, x: Tensor, kept: Tensor) -> Tensor:
        """The decoder's slices, (n, 1, y, x), from the pixels that are kept."""
        with sparse(self.encoder, kept):
            levels = feature_levels(self.encoder, to_signed(x) * kept)  # what it sees in Stage I
        h: Tensor | None = None
        for level, hidden, entry, block in reversed(
            list(zip(levels, self.hidden, self.entry, self.blocks, strict=True))
        ):
            dense = entry(torch.where(at_size(kept, level.shape[-2:]), level, hidden.to(level.dtype)))
            h = block(dense if h is None else dense + functional.interpolate(h, dense.shape[-2:], mode="nearest"))
        return functional.pixel_shuffle(self.head(h), self.stride)

    def _enlarged(self, cells: Tensor) -> Tensor:
        return cells.repeat_interleave(self.cell, 2).repeat_interleave(self.cell, 3)


def at_size(kept: Tensor, size: tuple[int, ...]) -> Tensor:
    """Positions of a coarser level with any kept pixel: (n, 1, y, x) bool -> (n, 1, *size) bool."""
    return functional.adaptive_max_pool2d(kept.float(), size) > 0


@contextmanager
def sparse(encoder: nn.Module, kept: Tensor) -> Iterator[None]:
    """Inside, the encoder's layers leave hidden positions zero and normalise over kept ones alone.

    Args:
        encoder: Convolutions, max pooling, batch and group normalisation; other layers must map 0 to 0.
        kept: (n, 1, y, x) bool; the encoder is given `x * kept`.
    """
    layers = [
        (module, make) for module in encoder.modules() for kind, make in _SPARSE.items() if isinstance(module, kind)
    ]
    for module, make in layers:
        module.forward = make(module, module.forward, kept)
    try:
        yield
    finally:
        for module, _ in layers:
            del module.forward  # that of its class again


Forward = Callable[[Tensor], Tensor]


def _masked(module: nn.Module, forward: Forward, kept: Tensor) -> Forward:
    def masked(x: Tensor) -> Tensor:
        out = forward(x)
        return out * at_size(kept, out.shape[-2:])

    return masked


def _batch_norm(module: nn.Module, forward: Forward, kept: Tensor) -> Forward:
    def over_kept(x: Tensor) -> Tensor:
        where = at_size(kept, x.shape[-2:])[:, 0]
        values = forward(x.permute(0, 2, 3, 1)[where].T[None, :, :, None])  # kept positions as one long slice
        out = torch.zeros_like(x, dtype=values.dtype).permute(0, 2, 3, 1)
        out[where] = values[0, :, :, 0].T
        return out.permute(0, 3, 1, 2)

    return over_kept


def _group_norm(module: nn.Module, forward: Forward, kept: Tensor) -> Forward:
    assert isinstance(module, nn.GroupNorm)

    def over_kept(x: Tensor) -> Tensor:
        where = at_size(kept, x.shape[-2:])
        grouped = x.float().reshape(len(x), module.num_groups, -1, *x.shape[-2:])
        weight = where.unsqueeze(1).expand_as(grouped).float()
        count = weight.sum((2, 3, 4), keepdim=True).clamp_min(1)
        mean = (grouped * weight).sum((2, 3, 4), keepdim=True) / count
        variance = ((grouped - mean).square() * weight).sum((2, 3, 4), keepdim=True) / count
        normal = ((grouped - mean) * torch.rsqrt(variance + module.eps)).flatten(1, 2)
        scaled: Tensor = normal * module.weight.view(1, -1, 1, 1) + module.bias.view(1, -1, 1, 1)
        return scaled * where

    return over_kept


_SPARSE: dict[type[nn.Module], Callable[[nn.Module, Forward, Tensor], Forward]] = {
    nn.Conv2d: _masked,
    nn.MaxPool2d: _masked,
    nn.BatchNorm2d: _batch_norm,
    nn.SyncBatchNorm: _batch_norm,  # what several devices make of it
    nn.GroupNorm: _group_norm,
}
