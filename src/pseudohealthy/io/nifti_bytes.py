"""A NIfTI file in memory: 8-bit voxels for the viewer of a page, which reads no files."""

# mypy: disallow-untyped-calls=False
# nibabel calls itself typed, but most of its functions carry no annotations.
from __future__ import annotations

import nibabel as nib
import numpy as np
from numpy.typing import NDArray


def nifti_bytes(
    steps: NDArray[np.uint8], affine: NDArray[np.float64], slope: float = 1.0, intercept: float = 0.0
) -> bytes:
    """Return 8-bit voxels as an uncompressed NIfTI-1 file.

    Args:
        steps: Voxels (i, j, k); `slope * step + intercept` is what they mean.
        affine: Voxel index -> world mm, RAS+ (4, 4).
        slope: Of the header's scaling.
        intercept: Of the header's scaling.
    """
    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape(steps.shape)
    header.set_xyzt_units("mm")
    header.set_zooms(np.linalg.norm(affine[:3, :3], axis=0))
    header.set_sform(affine, 1)
    header.set_slope_inter(slope, intercept)
    header["vox_offset"] = 352
    # Put together here: nibabel would divide the voxels by the slope.
    content: bytes = header.binaryblock + b"\0" * 4 + steps.tobytes(order="F")
    return content
