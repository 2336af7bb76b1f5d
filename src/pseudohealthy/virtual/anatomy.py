"""One person's tissues: the atlas seen through the person's own deformation, with folds of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pseudohealthy.virtual.atlas import atlas
from pseudohealthy.virtual.fields import Field, random_field
from pseudohealthy.virtual.streams import stream

BRAIN_ML = (1450.0, 120.0, 1180.0, 1680.0)  # mean, sd, smallest, largest; the deformation changes it by a few ml
WARP_SCALES = ((33.0, 2.6), (14.0, 1.3), (8.0, 0.6))  # spacing and sd (mm) of the deformation: lobes, gyri, folds
# The average brain's cortex is a blur where people differ. Each person gets a choice of their own: noise between grey
# matter and CSF, thin sheets of CSF (sulci) and blades of white matter between them, made crisp by a softmax.
CORTEX_NOISE_MM, CORTEX_NOISE_SD = 4.5, 0.18
FOLD_MM, SULCUS_WIDTH, SULCUS_GAIN, BLADE_GAIN = 6.0, 0.27, 0.65, 0.35
SHARPNESS = 6.0


@dataclass(frozen=True, eq=False)
class Tissues:
    """Tissue maps at some points, float32 tensors of the points' shape.

    Attributes:
        gm: Grey matter, probability; `gm + wm + csf` is 1.
        wm: White matter.
        csf: Cerebrospinal fluid, ventricles included.
        ventricles: The part of `csf` in the lateral and third ventricles.
        t1: The template's T1 intensity: 0 as CSF, 1 as grey matter, 2 as white matter.
        deep: 1 in deep grey matter, brain stem and cerebellum, where `t1` is the better picture; 0 in the hemispheres.
        lateral_mm: Distance from the person's own mid-sagittal plane, negative on the left.
    """

    gm: Tensor
    wm: Tensor
    csf: Tensor
    ventricles: Tensor
    t1: Tensor
    deep: Tensor
    lateral_mm: Tensor


class Anatomy:
    """One person: functions of points in the head, so that the person is the same on every grid.

    Points are (..., 3) float32, mm from the centre of the head, in RAS directions.

    Args:
        seed: The person.
    """

    def __init__(self, seed: int) -> None:
        rng = stream(seed, "anatomy")
        self._head = _head(rng)
        self._growth_mm = float(np.clip(rng.gamma(2.0, 1.0) - 1.5, -1.5, 4.0))  # of the ventricles' walls
        self._atrophy = float(np.clip(rng.normal(0.0, 0.08), -0.15, 0.2))  # in favour of CSF everywhere
        self._warp = _warp(rng)
        self._folds = random_field(rng, 1, FOLD_MM, FOLD_MM / 2)
        self._noise = random_field(rng, 1, CORTEX_NOISE_MM, CORTEX_NOISE_MM / 2)

    def atlas_mm(self, points_mm: Tensor) -> Tensor:
        """Where in MNI152 space the points (..., 3) of this head come from."""
        template = atlas()
        moved = points_mm @ self._head.T + torch.tensor(template.centre_mm)
        moved = moved + torch.movedim(self._warp.at(points_mm), 0, -1)
        return moved + self._growth_mm * torch.movedim(template.growth.at(moved), 0, -1)

    def tissues(self, points_mm: Tensor, atlas_mm: Tensor) -> Tissues:
        """Tissues at the points, whose `atlas_mm` the caller has."""
        gm, wm, csf, ventricles, t1, deep = atlas().maps.at(atlas_mm)
        noise = self._noise.at(points_mm)[0] * CORTEX_NOISE_SD * (1 - deep)
        folds = self._folds.at(_outwards(points_mm))[0]
        cortex = gm * (1 - deep)
        sulcus = torch.exp(-((folds / SULCUS_WIDTH) ** 2)) * cortex
        blade = (folds.abs() - 0.8).clamp(-0.5, 1.0) * cortex
        logits = torch.stack(
            # Unbounded, the noise would now and then dig a round cavity, which no healthy sulcus is.
            [gm + noise, wm + BLADE_GAIN * blade, csf - noise.clamp_min(-0.12) + self._atrophy + SULCUS_GAIN * sulcus]
        )
        own = torch.softmax(SHARPNESS * logits, dim=0)
        share = (ventricles / csf.clamp_min(1e-3)).clamp(0, 1)
        lateral_mm = atlas_mm[..., 0] - atlas().centre_mm[0]
        return Tissues(own[0], own[1], own[2], own[2] * share, t1, deep, lateral_mm)


def brain(atlas_mm: Tensor) -> Tensor:
    """Probability (...) that points (..., 3) of the atlas are in the brain or its CSF."""
    return atlas().brain.at(atlas_mm)[0]


def _head(rng: np.random.Generator) -> Tensor:
    """Matrix (3, 3) from the person's mm to the atlas's mm: head size, proportions and a slight tilt."""
    mean, sd, low, high = BRAIN_ML
    size = (atlas().brain_ml / float(np.clip(rng.normal(mean, sd), low, high))) ** (1 / 3)
    proportions = rng.normal(0.0, 0.03, 3)
    zoom = size * np.exp(proportions - proportions.mean())
    a, b, c = np.deg2rad(rng.normal(0.0, 2.0, 3))
    pitch = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    roll = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    yaw = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return torch.from_numpy((np.diag(zoom) @ pitch @ roll @ yaw).astype(np.float32))


def _warp(rng: np.random.Generator) -> Field:
    """Smooth displacement (3 channels, mm), all scales together."""
    scales = [random_field(rng, 3, scale_mm, 3.5) for scale_mm, _ in WARP_SCALES]
    values = sum((field.values * sd for field, (_, sd) in zip(scales, WARP_SCALES, strict=True)), torch.zeros(()))
    return Field(values, scales[0].low_mm, scales[0].high_mm)


def _outwards(points_mm: Tensor) -> Tensor:
    """Points drawn towards a sphere: a field seen there varies little with depth, so that folds go inwards."""
    radius = torch.linalg.vector_norm(points_mm, dim=-1, keepdim=True).clamp_min(1.0)
    drawn: Tensor = points_mm * (0.25 + 0.75 * 75.0 / radius)
    return drawn
