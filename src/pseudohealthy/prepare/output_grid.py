"""The voxels of a prepared scan: a cubic grid around the middle of a space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.io.templates import Template
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.model_grid import ModelGrid, field, sample
from pseudohealthy.prepare.regions import size, start, support

MNI = "MNI152"


@dataclass(frozen=True, eq=False)
class OutputGrid:
    """A grid and the space that it lies in.

    Attributes:
        space: The space's name in file names: letters and digits alone, as BIDS has it.
        grid: Its voxels, centred at 0.
        centre_mm: Where its centre lies in the space, mm.
    """

    space: str
    grid: ModelGrid
    centre_mm: NDArray[np.float64]

    def onto(self, volume: Volume, space_from_world: NDArray[np.float64], order: Literal[1, 3]) -> Volume:
        """Bring a scan or mask onto the grid, with an affine to mm of the space; see `model_grid.sample`."""
        on_grid = sample(volume, self._centred(space_from_world), self.grid, order=order)
        affine = self.grid.affine.copy()
        affine[:3, 3] += self.centre_mm
        code = 4 if self.space == MNI else 2  # 4: MNI 152; 2: aligned to something else
        return Volume(on_grid.data, affine, qform_code=0, sform_code=code, source=volume.source)

    def coverage(self, brain: Volume, space_from_world: NDArray[np.float64]) -> float:
        """Return the share of a brain's voxels that lie inside the grid's field, 0 to 1."""
        inside = field(self.grid, self._centred(space_from_world), brain).data
        return float((brain.data & inside).sum() / brain.data.sum())

    def _centred(self, space_from_world: NDArray[np.float64]) -> NDArray[np.float64]:
        centred = space_from_world.copy()
        centred[:3, 3] -= self.centre_mm
        return centred


def around_box(field_mm: Sequence[float], spacing_mm: float) -> OutputGrid:
    """Return the grid of the space `brainbox`, whose middle is the brain's."""
    return OutputGrid("brainbox", _grid(field_mm, spacing_mm), np.zeros(3))


def around_template(template: Template, field_mm: Sequence[float], spacing_mm: float) -> OutputGrid:
    """Return a grid around the middle of a template's brain; voxels of its own size coincide with its own."""
    grid = _grid(field_mm, spacing_mm)
    upright = template.brain_mask.canonical()
    box = support(upright.data, 0)
    middle = (upright.affine @ [*(start(box) + (np.array(size(box)) - 1) / 2), 1.0])[:3]
    if np.allclose(upright.affine[:3, :3], np.diag([spacing_mm] * 3), atol=1e-4):
        half = spacing_mm * (np.array(grid.shape) - 1) / 2
        origin = upright.affine[:3, 3]
        middle = origin + np.round((middle - half - origin) / spacing_mm) * spacing_mm + half
    return OutputGrid(_space_name(template), grid, np.asarray(middle))


def _grid(field_mm: Sequence[float], spacing_mm: float) -> ModelGrid:
    x, y, z = (round(mm / spacing_mm) for mm in field_mm)
    return ModelGrid("prepared", (x, y, z), spacing_mm)


def _space_name(template: Template) -> str:
    if template.name == "mni152":
        return MNI
    return "".join(sign for sign in template.name if sign.isalnum()) or "template"
