"""One person, one pathology, one scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import InputError
from pseudohealthy.io.volume import Volume
from pseudohealthy.virtual.anatomy import Anatomy
from pseudohealthy.virtual.appearance import Appearance, Scanner
from pseudohealthy.virtual.drawing import Head, Window, head_window
from pseudohealthy.virtual.fields import HALF_FIELD_MM
from pseudohealthy.virtual.lesions import PATHOLOGIES, Painted, paint
from pseudohealthy.virtual.streams import stream

SPACING_MM = (0.5, 4.0)  # what the template's 1 mm maps can fill, and what the smallest lesions survive


@dataclass(frozen=True, eq=False)
class VirtualScan:
    """A skull-stripped T1-weighted scan with known truth.

    Attributes:
        image: float32 in arbitrary scanner units, exactly 0 outside the brain mask.
        brain_mask: bool.
        lesion_mask: bool; the voxels of the brain where the lesion's opacity is above 0.5. Empty for `healthy`.
        pathology: A name of `PATHOLOGIES`.
        seed: The person.
        painted: The clean brain, its tissues and the lesion, on the box of voxels `window`.
        window: Where that box lies in the image.
    """

    image: Volume
    brain_mask: Volume
    lesion_mask: Volume
    pathology: str
    seed: int
    painted: Painted
    window: Window


def make_scan(seed: int, pathology: str = "healthy", spacing_mm: float = 2.0) -> VirtualScan:
    """Scan a virtual person.

    The seed is the person and the visit: whatever the pathology, anatomy, tissue contrast, coil sensitivity and noise
    are the same, voxel by voxel, except where a lesion is painted or displaces tissue. The healthy scan passes every
    step of the others, with an empty lesion. Lesions are painted before blur, bias field and noise.

    Args:
        seed: >= 0.
        pathology: A name of `PATHOLOGIES`.
        spacing_mm: Edge of a voxel, 0.5 to 4 mm; the person hardly depends on it; a lesion may
            lie elsewhere (`Canvas.pick`), and the noise is another.

    Raises:
        InputError: Unknown pathology, negative seed, or spacing outside the range.
    """
    check(seed, pathology, spacing_mm)
    anatomy, scanner = Anatomy(seed), Scanner(seed)
    shape = tuple(round(2 * half / spacing_mm) for half in HALF_FIELD_MM)
    grid_mm = [spacing_mm * (np.arange(n) - (n - 1) / 2) for n in shape]
    window = head_window(anatomy, grid_mm, spacing_mm)
    axes_mm = [axis[part] for axis, part in zip(grid_mm, window, strict=True)]
    canvas = Head(anatomy, Appearance(seed), axes_mm, spacing_mm).canvas
    painted = paint(canvas, PATHOLOGIES[pathology], stream(seed, f"lesion {pathology}"))
    acquired = scanner.acquire(painted.image, axes_mm, spacing_mm)

    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = [axis[0] for axis in grid_mm] + scanner.position_mm

    def volume(inside: NDArray[np.generic]) -> Volume:
        data = np.zeros(shape, dtype=inside.dtype)
        data[window] = inside
        return Volume(data, affine)

    return VirtualScan(
        image=volume(acquired * canvas.brain),
        brain_mask=volume(canvas.brain),
        lesion_mask=volume(painted.mask),
        pathology=pathology,
        seed=seed,
        painted=painted,
        window=window,
    )


def check(seed: int, pathology: str, spacing_mm: float) -> None:
    """Refuse what `make_scan` refuses, before anything is made.

    Raises:
        InputError: See `make_scan`.
    """
    if pathology not in PATHOLOGIES:
        raise InputError(
            "pathology", found=f"'{pathology}'", needed="one of " + ", ".join(PATHOLOGIES), fix="Choose one of them."
        )
    if seed < 0:
        raise InputError("seed", found=str(seed), needed="0 or more", fix="Choose another seed.")
    if not SPACING_MM[0] <= spacing_mm <= SPACING_MM[1]:
        low, high = SPACING_MM
        raise InputError("spacing", found=f"{spacing_mm} mm", needed=f"{low} to {high} mm", fix="Try 2 mm or 1 mm.")
