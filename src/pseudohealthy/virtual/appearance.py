"""How a person's tissues look in a T1-weighted scan, and what the scanner makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from pseudohealthy.virtual.anatomy import Tissues
from pseudohealthy.virtual.fields import Field, random_field, random_map
from pseudohealthy.virtual.streams import stream

TEXTURE_SCALE_MM = 3.0
TEXTURE_SD = 0.02
BIAS_SCALE_MM = 70.0
BIAS_SD = 0.08  # of the logarithm
TEMPLATE_SHARE = 0.25  # of the template's own T1 in the image: it knows what no tissue class does (thalamus, pons)


@dataclass(frozen=True)
class Contrast:
    """Mean T1 intensity of the tissues of one person, white matter = 1."""

    gm: float
    csf: float


class Appearance:
    """One person's tissue contrast and fine texture.

    Args:
        seed: The person.
    """

    def __init__(self, seed: int) -> None:
        rng = stream(seed, "appearance")
        self.contrast = Contrast(
            gm=float(np.clip(rng.normal(0.64, 0.03), 0.56, 0.72)), csf=float(np.clip(rng.normal(0.22, 0.03), 0.15, 0.3))
        )
        self._texture = texture(rng)

    def plain(self, tissues: Tissues) -> Tensor:
        """Clean intensities without texture, shape of the tissues, white matter = 1."""
        classes = tissues.gm * self.contrast.gm + tissues.wm + tissues.csf * self.contrast.csf
        share = TEMPLATE_SHARE + (1 - TEMPLATE_SHARE) * tissues.deep
        gm, csf = self.contrast.gm, self.contrast.csf
        template = torch.where(tissues.t1 < 1, csf + tissues.t1 * (gm - csf), gm + (tissues.t1 - 1) * (1 - gm))
        return torch.lerp(classes, template, share)

    def texture(self, points_mm: Tensor) -> Tensor:
        """Fine variation of the tissue, to be added to `plain`, at points (i, j, k, 3)."""
        return self._texture.at(points_mm)[0] * TEXTURE_SD


def texture(rng: np.random.Generator) -> Field:
    """Tissue texture of unit variance."""
    return random_field(rng, 1, TEXTURE_SCALE_MM, TEXTURE_SCALE_MM / 2)


class Scanner:
    """One person's visit to the scanner: point spread, coil sensitivity, thermal noise, gain.

    Args:
        seed: The person.
    """

    def __init__(self, seed: int) -> None:
        rng = stream(seed, "scanner")
        self.blur_mm = float(rng.uniform(0.5, 0.9))
        self.noise_sd = float(rng.uniform(0.012, 0.03))
        self.gain = float(800.0 * np.exp(rng.normal(0.0, 0.25)))
        self.position_mm: NDArray[np.float64] = rng.normal(0.0, 4.0, 3)
        self._seed = seed

    def acquire(
        self, clean: NDArray[np.float32], axes_mm: Sequence[NDArray[np.floating]], spacing_mm: float
    ) -> NDArray[np.float32]:
        """The magnitude image of clean intensities (i, j, k), in the scanner's arbitrary units; > 0 everywhere.

        Args:
            clean: Intensities, white matter = 1.
            axes_mm: Coordinates of the voxels along each axis, from the centre of the head.
            spacing_mm: Edge of a voxel.
        """
        blurred = ndimage.gaussian_filter(clean, self.blur_mm / spacing_mm)
        seen = blurred * np.exp(BIAS_SD * random_map(stream(self._seed, "bias"), 1, BIAS_SCALE_MM, axes_mm)[0])
        rng = stream(self._seed, "noise")
        # Magnitude of a complex signal with Gaussian noise in both channels: Rician.
        real, imaginary = self.noise_sd * rng.standard_normal((2, *clean.shape), dtype=np.float32)
        return np.asarray(self.gain * np.hypot(seen + real, imaginary), dtype=np.float32)
