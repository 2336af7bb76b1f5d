"""The tumour on a real brain: its oedema follows tissue and leaves the fluid between gyri."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pseudohealthy.virtual.canvas import Canvas
from pseudohealthy.virtual.lesions.base import Shape
from pseudohealthy.virtual.lesions.tumour import CORE, Tumour


class Glioma(Tumour):
    """A tumour as on virtual brains; real brains have wide sulci, which oedema of their brightness would fill."""

    def shape(self, canvas: Canvas, rng: np.random.Generator) -> Shape:
        """Outside the core the opacity falls with the share of CSF, and with it what counts as lesion."""
        shape = super().shape(canvas, rng)
        outside = np.clip((shape.level - CORE) * 12, 0, 1)
        opacity = shape.opacity * (1 - outside * np.clip(1.2 * shape.canvas.csf, 0, 1))
        return replace(shape, opacity=opacity.astype(np.float32))
