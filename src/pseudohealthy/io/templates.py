"""Templates: the MNI152 that comes inside nilearn's wheel, without a download, and any other by its file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from pseudohealthy.errors import ImageError
from pseudohealthy.io.volume import Volume, read_volume

_LEAST_BACKGROUND = 0.1  # share of zero voxels; a whole head has few or none


@dataclass(frozen=True, eq=False)
class Template:
    """A brain that scans are laid over.

    Attributes:
        name: `mni152`, or the name of its file without endings.
        t1: Skull-stripped T1, float32, 0 outside the brain.
        brain_mask: Bool on the same grid.
    """

    name: str
    t1: Volume
    brain_mask: Volume


@lru_cache(maxsize=2)
def load_template(source: str | Path) -> Template:
    """Return a template: `mni152` (1 mm), or that of a NIfTI file.

    A file's brain is what is not 0, with its holes filled; a 4-D file may hold one volume (as SRI24 is stored). Its
    affine is its space: scans that are laid over it get its world mm.

    Raises:
        ImageError: No usable file, or one that is not skull-stripped.
    """
    if str(source) == "mni152":
        mni = mni152(1.0)
        return Template("mni152", mni.t1, mni.brain_mask)
    volume = read_volume(source)
    background = volume.data == 0
    if background.mean() < _LEAST_BACKGROUND:
        raise ImageError(
            source,
            found=f"a template with {background.mean():.0%} of its voxels 0",
            needed="a skull-stripped brain whose background is exactly 0",
            fix="Multiply it by its brain mask.",
        )
    pieces, _ = ndimage.label(np.pad(background, 1, constant_values=True))
    mask = (pieces != pieces[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return Template(Path(source).name.split(".")[0], volume, volume.like(mask))


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
