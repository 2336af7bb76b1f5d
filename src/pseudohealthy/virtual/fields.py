"""Smooth random fields and map sampling in millimetres, so that a subject does not depend on the scan's grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

HALF_FIELD_MM = (92.0, 112.0, 92.0)  # half of the scanner's field: the largest virtual head fits


@dataclass(frozen=True, eq=False)
class Field:
    """Values on a box in space, sampled anywhere by trilinear interpolation.

    Attributes:
        values: (channel, i, j, k) float32, the first node of each axis at `low_mm`, the last at `high_mm`.
        low_mm: Coordinates of the first node.
        high_mm: Coordinates of the last node.
    """

    values: Tensor
    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]

    def at(self, points_mm: Tensor) -> Tensor:
        """Values (channel, ...) at points (..., 3) in mm; those of the border outside the box."""
        low, high = torch.tensor(self.low_mm), torch.tensor(self.high_mm)
        unit = (points_mm.reshape(1, 1, 1, -1, 3) - low) * (2 / (high - low)) - 1
        # grid_sample wants the coordinate of the last axis first.
        sampled = torch.nn.functional.grid_sample(
            self.values[None], unit.flip(-1), mode="bilinear", padding_mode="border", align_corners=True
        )
        return sampled.reshape(len(self.values), *points_mm.shape[:-1])


def random_field(rng: np.random.Generator, channels: int, scale_mm: float, node_mm: float) -> Field:
    """A Gaussian random field over the scanner's field, of zero mean and unit variance at every node.

    White noise on a grid of `scale_mm` is spread by cubic B-splines: unlike trilinear upsampling this leaves no kinks.

    Args:
        rng: Source of the noise.
        channels: How many independent fields.
        scale_mm: Spacing of the noise; the fields are uncorrelated beyond four times this distance.
        node_mm: Largest spacing of the nodes of the result.
    """
    axes = [np.linspace(-half, half, int(np.ceil(2 * half / node_mm)) + 1) for half in HALF_FIELD_MM]
    a, b, c = HALF_FIELD_MM
    return Field(torch.from_numpy(random_map(rng, channels, scale_mm, axes)), (-a, -b, -c), (a, b, c))


def random_map(
    rng: np.random.Generator, channels: int, scale_mm: float, axes_mm: Sequence[NDArray[np.floating]]
) -> NDArray[np.float32]:
    """Such a field at the points of a grid, (channel, i, j, k) float32, of unit variance at every point.

    Args:
        rng: Source of the noise; how much is drawn does not depend on the grid, so that any grid sees the same field.
        channels: How many independent fields.
        scale_mm: Spacing of the noise.
        axes_mm: Coordinates of the grid's points along each axis, within `HALF_FIELD_MM`.
    """
    weights = [
        _spline_weights(axis + half, 2 * half, scale_mm) for axis, half in zip(axes_mm, HALF_FIELD_MM, strict=True)
    ]
    values = rng.standard_normal((channels, *(matrix.shape[1] for matrix in weights)), dtype=np.float32)
    for matrix in weights:  # each turn replaces the first spatial axis and puts it last
        values = np.tensordot(values, matrix, axes=([1], [1]))
    return np.ascontiguousarray(values)


def _spline_weights(position_mm: NDArray[np.floating], length_mm: float, scale_mm: float) -> NDArray[np.float32]:
    """Weights (point, knot) of cubic B-splines, each row of unit norm so that white noise keeps unit variance."""
    knots = np.arange(-1, np.floor(length_mm / scale_mm) + 3)
    distance = np.abs(position_mm[:, None] / scale_mm - knots)
    near = (4 - 6 * distance**2 + 3 * distance**3) / 6
    far = (2 - distance) ** 3 / 6
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True), dtype=np.float32)
