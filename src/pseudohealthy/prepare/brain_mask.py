"""Where the brain is: a given mask, or the voxels of a skull-stripped scan that are not background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.errors import ImageError
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.regions import support

SMALLEST_BRAIN_ML = 700.0
LARGEST_BRAIN_ML = 2200.0  # brains laid over the MNI152, which is larger than most, reach 2.0 l
_FRAGMENT_ML = 300.0
_ISLAND_SHARE = 0.01
_LEAST_BACKGROUND = (
    0.1  # share of zero voxels: a brain fills half of its own bounding box, so its corners alone are more
)
_STRIP = (
    "Strip the skull, with 'pseudohealthy prepare' or with 'pseudohealthy predict --strip deepbet', "
    "or put a brain mask beside the scan."
)


def brain_mask(image: Volume, given: Volume | None = None) -> Volume:
    """Return the brain mask of a scan.

    Without a given mask: voxels that are not exactly 0 (real files have negative voxels inside the brain), the largest
    26-connected piece of them, with its holes filled in 3-D.

    Args:
        image: A skull-stripped scan with a background of 0, or any scan where a mask is given.
        given: Mask on the grid of `image`.

    Returns:
        A Volume of bool on the grid of `image`.

    Raises:
        ImageError: No zero background (a whole head), or a mask outside 700-2200 ml.
    """
    if given is not None:
        mask, subject = given.data.astype(bool), given.source or image.source or "the brain mask"
        if mask.shape != image.shape:
            raise ImageError(
                subject,
                found=f"a brain mask of shape {mask.shape}",
                needed=f"{image.shape}, the shape of its scan",
                fix="Resample the mask to the scan's grid with nearest-neighbour interpolation.",
            )
    else:
        subject = image.source or "the scan"
        background = _background(image)
        if background < _LEAST_BACKGROUND:
            raise ImageError(
                subject,
                found=f"no background of 0 ({background:.0%} of the voxels): probably a whole head",
                needed="a skull-stripped scan whose background is exactly 0",
                fix=_STRIP,
            )
        mask = _foreground(image)
    _check_volume(subject, float(mask.sum()) * image.voxel_ml, given is not None)
    return image.like(mask)


def without_islands(mask: Volume) -> Volume:
    """Return a brain mask without the pieces below 1 % of its largest: a far speck would move the box of the brain."""
    return mask.like(_pieces(mask.data, _ISLAND_SHARE))


def island_warnings(mask: Volume) -> Iterator[str]:
    """Yield a sentence where a brain mask has islands."""
    apart = np.count_nonzero(mask.data) - np.count_nonzero(without_islands(mask).data)
    if apart:
        yield f"{apart * mask.voxel_ml:.2g} ml of the brain mask lie apart from the brain and count as brain"


def is_stripped(image: Volume) -> bool:
    """Return whether a scan's background is 0 and what is left is not larger than a brain."""
    if _background(image) < _LEAST_BACKGROUND or not image.data.any():
        return False
    return float(_foreground(image).sum()) * image.voxel_ml <= LARGEST_BRAIN_ML


def _background(image: Volume) -> float:
    """Share of the voxels that are 0."""
    return 1.0 - float(np.count_nonzero(image.data)) / image.data.size


def _foreground(image: Volume) -> NDArray[np.bool_]:
    return _fill_holes(_pieces(image.data != 0, 1.0))


def _check_volume(subject: object, volume_ml: float, is_given: bool) -> None:
    if SMALLEST_BRAIN_ML <= volume_ml <= LARGEST_BRAIN_ML:
        return
    if not volume_ml and is_given:
        guess, fix = "which is empty", "Look at the file: it has to be 1 in the brain."
    elif volume_ml > LARGEST_BRAIN_ML and is_given:
        guess = "probably with skull and scalp, or the header's voxel size is wrong"
        fix = "Look at the mask over the scan, and check the voxel size in the header."
    elif volume_ml > LARGEST_BRAIN_ML:
        guess, fix = "probably a whole head, with skull and scalp", _STRIP
    elif volume_ml < _FRAGMENT_ML:
        guess = "probably a slab, a cut-out, an animal or a wrong voxel size"
        fix = "Check the voxel size in the header and that the scan covers the whole brain."
    else:
        guess = "probably a part of a brain"
        fix = "Check that the scan covers the whole brain and that the skull stripping did not cut into it."
    what = "a brain mask" if is_given else "a foreground"
    raise ImageError(
        str(subject),
        found=f"{what} of {volume_ml:.0f} ml, {guess}",
        needed=f"{SMALLEST_BRAIN_ML:.0f}-{LARGEST_BRAIN_ML:.0f} ml of brain",
        fix=fix,
    )


def _pieces(foreground: NDArray[np.bool_], least_share: float) -> NDArray[np.bool_]:
    """The 26-connected pieces that have at least this share of the largest one's voxels; with 1, the largest alone."""
    box = support(foreground, 0)
    pieces, _ = ndimage.label(foreground[box], structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=1)
    sizes[0] = 0
    kept = np.zeros_like(foreground)
    kept[box] = ((sizes > 0) & (sizes >= least_share * sizes.max()))[pieces]
    return kept


def _fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    box = support(mask, 0)
    # Holes are what 6-connected background cannot reach from the outside: one labelling, where
    # scipy's binary_fill_holes dilates as often as the box is long.
    outside, _ = ndimage.label(np.pad(~mask[box], 1, constant_values=True))
    filled = mask.copy()
    filled[box] = (outside != outside[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return filled
