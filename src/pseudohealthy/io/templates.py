"""The MNI152 template that comes inside nilearn's wheel: no download."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pseudohealthy.io.volume import Volume


@dataclass(frozen=True, eq=False)
class MNI152:
    """Symmetric non-linear ICBM 2009a average of 152 adults (Fonov et al. 2011), all on one grid in MNI152 mm.

    Attributes:
        t1: Skull-stripped T1, float32 in [0, 1], 0 outside the brain.
        gm: Probability of grey matter, float32 in [0, 1].
        wm: Probability of white matter, float32 in [0, 1].
        brain_mask: Bool, CSF included.
    """

    t1: Volume
    gm: Volume
    wm: Volume
    brain_mask: Volume


@lru_cache(maxsize=2)
def mni152(spacing_mm: float = 1.0) -> MNI152:
    """Return the template, blurred to the voxel size before it is sampled.

    Args:
        spacing_mm: Edge of the cubic voxels, at least 1, the template's own.
    """
    if spacing_mm < 1:
        raise ValueError(f"the MNI152 template has 1 mm voxels, not {spacing_mm} mm")
    from nilearn import datasets  # takes seconds

    images = {
        "t1": datasets.load_mni152_template(resolution=1),
        "gm": datasets.load_mni152_gm_template(resolution=1),
        "wm": datasets.load_mni152_wm_template(resolution=1),
        "brain_mask": datasets.load_mni152_brain_mask(resolution=1),
    }
    volumes = {name: _at(image, spacing_mm) for name, image in images.items()}
    mask = volumes["brain_mask"].data >= 0.5
    return MNI152(
        t1=volumes["t1"].like(volumes["t1"].data * mask),
        gm=volumes["gm"],
        wm=volumes["wm"],
        brain_mask=volumes["brain_mask"].like(mask),
    )


def _at(image: Any, spacing_mm: float) -> Volume:
    from nilearn.image import resample_img, smooth_img

    if spacing_mm > 1:
        # The widths of two voxels add in quadrature.
        image = smooth_img(image, fwhm=float(np.sqrt(spacing_mm**2 - 1)))
        image = resample_img(image, np.eye(3) * spacing_mm, interpolation="linear")
    data = np.clip(np.asarray(image.dataobj, dtype=np.float32), 0, 1)
    return Volume(data, np.asarray(image.affine, dtype=np.float64), qform_code=4, sform_code=4)
