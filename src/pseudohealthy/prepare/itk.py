"""The door to ITK: a Volume as a SimpleITK image and back, and affine maps as ITK transform files.

ITK counts its axes to the left, to the back and up (LPS), a Volume to the right, to the front and up (RAS).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import require
from pseudohealthy.io.volume import Volume

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def sitk() -> Any:
    """Return the module SimpleITK, with one thread for everything: its results may depend on how many there are."""
    module = require("SimpleITK", "prepare")
    module.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    return module


def to_itk(volume: Volume) -> Any:
    """Return a volume as a SimpleITK image of float32, its axes nearest to R, A, S.

    Shears, which SimpleITK cannot hold, are refused by it: an affine of a scanner has none.
    """
    upright = volume.canonical()
    image = sitk().GetImageFromArray(np.ascontiguousarray(upright.data.transpose(2, 1, 0), dtype=np.float32))
    spacing = np.array(upright.spacing_mm)
    affine = LPS_FROM_RAS @ upright.affine
    image.SetSpacing([float(mm) for mm in spacing])
    image.SetOrigin([float(mm) for mm in affine[:3, 3]])
    image.SetDirection([float(part) for part in (affine[:3, :3] / spacing).ravel()])
    return image


def from_itk(image: Any) -> Volume:
    """Return a SimpleITK image as a volume: float32, with ITK's storage order."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    data = sitk().GetArrayFromImage(image).transpose(2, 1, 0).astype(np.float32)
    return Volume(data, LPS_FROM_RAS @ affine)


def transform_text(target_from_source: NDArray[np.float64]) -> str:
    """Return an ITK transform file that resamples an image of the source's space into the target's.

    Such a file maps points the other way round, from target to source; ANTs, 3D Slicer and SimpleITK read it.

    Args:
        target_from_source: Source's world mm -> target's world mm, RAS (4, 4).
    """
    lps = LPS_FROM_RAS @ np.linalg.inv(target_from_source) @ LPS_FROM_RAS
    numbers = " ".join(f"{number:.12g}" for number in (*lps[:3, :3].ravel(), *lps[:3, 3]))
    return (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {numbers}\nFixedParameters: 0 0 0\n"
    )
