"""Slices of the model grid as small pictures, one above the other."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib import image
from numpy.typing import NDArray

from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.colours import Scale, score_scale

GREY = Scale(0.0, 1.1, matplotlib.colormaps["gray"], ())  # the healthy range ends at 1
_WEBP = {"quality": 80, "method": 2}


def tile_picture(maps: NDArray[Any], *, score: bool, alt: str) -> Picture:
    """Draw axial slices below each other, patient's left on the right, anterior up.

    Args:
        maps: (n, y, x) on the model grid: x to the patient's left-to-right, y to anterior.
        score: Scores in [0, 1] in colours; else intensities in grey.
        alt: What it shows, in words.
    """
    scale = score_scale() if score else GREY
    column = np.concatenate(list(np.asarray(maps, np.float32)[:, ::-1, ::-1]), axis=0)
    content = io.BytesIO()
    image.imsave(content, scale.paint(column), format="webp", pil_kwargs=_WEBP)
    return Picture(content.getvalue(), "image/webp", column.shape[1], column.shape[0], alt)
