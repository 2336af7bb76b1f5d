"""A lesion that is none: another kind's mask and blending with the intensity of the tissue that was there."""

from __future__ import annotations

import numpy as np
import torch

from pseudohealthy.virtual.appearance import TEXTURE_SD, texture
from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.lesions.base import Lesion, Shape, no_displacement
from pseudohealthy.virtual.lesions.haemorrhage import Haemorrhage
from pseudohealthy.virtual.lesions.ms import MultipleSclerosis
from pseudohealthy.virtual.lesions.stroke import Stroke
from pseudohealthy.virtual.lesions.tumour import Tumour
from pseudohealthy.virtual.lesions.wmh import WhiteMatterHyperintensities

SHAPES: tuple[type[Lesion], ...] = (Tumour, Stroke, MultipleSclerosis, WhiteMatterHyperintensities, Haemorrhage)


class Sham(Lesion):
    """The control: whatever a method finds here it finds in the painting, not in the pathology."""

    volume_ml = (min(kind.volume_ml[0] for kind in SHAPES), max(kind.volume_ml[1] for kind in SHAPES))
    contrast = "none"

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """The shape of a kind drawn at random, without its mass effect."""
        shape = SHAPES[int(rng.integers(len(SHAPES)))]().shape(canvas, rng)
        return Shape(canvas, shape.opacity, shape.level, no_displacement(canvas))

    def intensity(self, shape: Shape, rng: np.random.Generator) -> Map:
        """The same tissue with another draw of its texture, strong enough that the blend's variance stays the same.

        With opacity a the blend's texture is (1 - a) A + a c B for independent A and B of equal variance; it keeps that
        variance for c = sqrt((2 - a) / a).
        """
        other = texture(rng).at(torch.from_numpy(shape.canvas.points_mm))[0].numpy() * TEXTURE_SD
        gain = np.sqrt((2 - shape.opacity) / np.maximum(shape.opacity, 1e-3))
        return np.asarray(shape.canvas.plain + gain * other, dtype=np.float32)
