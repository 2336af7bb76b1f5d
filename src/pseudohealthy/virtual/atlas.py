"""The MNI152 maps that every virtual brain is a deformation of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.io.templates import mni152
from pseudohealthy.virtual.fields import Field

VENTRICLES_MM = ((-26.0, -44.0, 14.0), (26.0, -44.0, 14.0))  # in the two atria of the MNI152 lateral ventricles
# Centre and half axes (mm) of ellipsoids around the deep grey matter, the cerebellum and the brain stem: they vary
# little between people, so that the average brain shows them sharply and its own T1 is the best picture of them.
DEEP_MM = (((0, -8, 4), (34, 36, 21)), ((0, -62, -40), (58, 42, 30)), ((0, -28, -38), (22, 22, 40)))


@dataclass(frozen=True, eq=False)
class Atlas:
    """Maps in MNI152 space; the fields take world mm.

    Attributes:
        brain: Probability of brain, CSF included.
        maps: Channels GM, WM, CSF, ventricles (probabilities), T1 and `deep`; see `Tissues`.
        growth: (3 channels) unit-less vectors towards the ventricles, at most 1 long, longest at the ventricles' walls.
        brain_ml: Volume of the template's brain.
        centre_mm: Centre of the box around the template's brain.
    """

    brain: Field
    maps: Field
    growth: Field
    brain_ml: float
    centre_mm: tuple[float, float, float]


@lru_cache(maxsize=1)
def atlas() -> Atlas:
    """The atlas from the 1 mm MNI152 template; CSF is what of the brain is neither grey nor white matter."""
    template = mni152(1.0)
    brain = np.asarray(template.brain_mask.data, dtype=np.float32)
    gm, wm, t1 = (np.asarray(volume.data, dtype=np.float32) for volume in (template.gm, template.wm, template.t1))
    affine = template.t1.affine
    csf = np.clip(1 - gm - wm, 0, 1)  # 1 outside the brain, where a deformed edge needs a clean rim
    ventricles = _ventricles(csf * brain, affine)
    maps = np.stack([gm, wm, csf, ventricles, _tissue_units(t1, brain, (csf, gm, wm)), _deep(t1.shape, affine)])
    first = affine[:3, 3]

    def field(values: NDArray[np.float32], step: int = 1) -> Field:
        last = first + affine[:3, :3] @ (step * (np.array(values.shape[1:]) - 1))
        return Field(torch.from_numpy(values.astype(np.float32, copy=False)), _triple(first), _triple(last))

    inside = np.argwhere(brain > 0)
    soft = ndimage.gaussian_filter(brain, 1.0)
    # The template cuts the brain stem at its lowest slice: without a closed end it would go on for ever.
    closed = np.pad(soft[1:-1, 1:-1, 1:-1], 1)
    return Atlas(
        brain=field(closed[None]),
        maps=field(maps),
        growth=field(_growth(ventricles[::2, ::2, ::2]), step=2),  # smooth: 2 mm hold it
        brain_ml=float(brain.sum()) / 1000.0,
        centre_mm=_triple(first + (inside.min(axis=0) + inside.max(axis=0)) / 2),
    )


def _triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])


def _tissue_units(
    t1: NDArray[np.float32], brain: NDArray[np.float32], tissues: tuple[NDArray[np.float32], ...]
) -> NDArray[np.float32]:
    """T1 intensities rescaled to 0 = CSF, 1 = GM, 2 = WM, so that each person's contrast can take their place."""
    csf, gm, wm = (float(np.median(t1[tissue * brain > 0.95])) for tissue in tissues)
    known = np.where(brain > 0, t1, csf)
    return np.interp(known, [2 * csf - gm, csf, gm, wm, 2 * wm - gm], [-1, 0, 1, 2, 3]).astype(np.float32)


def _ventricles(csf: NDArray[np.float32], affine: NDArray[np.float64]) -> NDArray[np.float32]:
    """CSF probability of the lateral and third ventricles alone, (i, j, k)."""
    labels, _ = ndimage.label(csf > 0.5)
    voxels = np.rint((np.array(VENTRICLES_MM) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T).astype(int)
    inside = np.isin(labels, [labels[tuple(voxel)] for voxel in voxels])
    # The walls' partial volume belongs to the ventricles as well: two voxels around the certain part.
    return csf * ndimage.binary_dilation(inside, iterations=2).astype(np.float32)


def _growth(ventricles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (3, i, j, k) towards the ventricles: the gradient of their map, blurred by 5 mm, at most 1 long."""
    gradient = np.asarray(np.gradient(ndimage.gaussian_filter(ventricles, 5.0 / 2)))
    return np.asarray(gradient / np.linalg.norm(gradient, axis=0).max(), dtype=np.float32)


def _deep(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float32]:
    """1 inside the ellipsoids `DEEP_MM`, 0 outside, with a border of a few mm, (i, j, k)."""
    axes = [affine[axis, 3] + affine[axis, axis] * np.arange(shape[axis]) for axis in range(3)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    inside = np.zeros(shape, dtype=np.float32)
    for (cx, cy, cz), (rx, ry, rz) in DEEP_MM:
        radius = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2)
        inside = np.maximum(inside, np.clip((1.1 - radius) / 0.2, 0, 1))
    return inside.astype(np.float32)
