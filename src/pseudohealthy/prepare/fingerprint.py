"""What tells one brain from another: the same scan is known again under another name, header or storage order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.io.content import content_key
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_mask import LARGEST_BRAIN_ML
from pseudohealthy.prepare.model_grid import ModelGrid, sample

# By `benchmarks/same_brain.py` on the 24 healthy adults of OASIS-1 in the MICCAI 2012 set: two people 0.49 on average
# (standard deviation 0.06, highest of 276 pairs 0.60); copies of one scan, shifted, mirrored, at 2 mm or 1 x 1 x 5 mm,
# with noise, gamma, a bias field, a mask 2 mm thinner or a tenth cut off, at least 0.86. Five standard deviations above
# two people, so that 600 scans, 180 000 pairs, give hardly one false alarm.
SAME_BRAIN = 0.78
_GRID = ModelGrid("thumbnail", (40, 48, 40), 4.0)
_DETAIL_MM = 12.0  # sigma: coarser structure is that of every brain, or a coil's
_COARSE_MM = 3.0  # blocks of fine voxels are averaged up to this size first, which is what makes it fast
_CLIP = 4.0  # standard deviations
_SPREAD_MM = (31.3, 39.4, 30.4)  # standard deviations of the place in an ellipsoid of 140 x 176 x 136 mm
_BLOCK = 256  # scans compared at once


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is kept of a scan.

    Attributes:
        content: Equal where two scans hold the same values, in whatever order, with whatever background of 0.
        thumbnail: Float32 (x, y, z), the brain's own detail on a grid around its middle, of norm 1.
    """

    content: str
    thumbnail: NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """Two cases that hold the same brain.

    Attributes:
        first: Name of a case.
        second: Name of another.
        same_voxels: The scans hold the same values; else they look alike.
        similarity: Correlation of their thumbnails, of the mirror image where that is higher, -1 to 1.
    """

    first: str
    second: str
    same_voxels: bool
    similarity: float

    def __str__(self) -> str:
        how = "the same voxels" if self.same_voxels else f"the same brain by its looks (r = {self.similarity:.2f})"
        return f"{self.first} and {self.second}: {how}"


def fingerprint(image: Volume, mask: Volume | None = None) -> Fingerprint:
    """Take a scan's fingerprint.

    Args:
        image: A scan, stripped or not.
        mask: Its brain mask, where there is one.
    """
    coarse = _coarse(image, image.data).canonical()
    share = _coarse(image, mask.data if mask is not None else image.data != 0).canonical().data
    if mask is None:
        share = share * _foreground(coarse, share)
    inside = share >= 0.5
    if not inside.any():  # no scan of a brain, but it shall not stop the others
        inside, share = np.ones(share.shape, bool), np.ones(share.shape, np.float32)
    model_from_world = _spread_alike(coarse, share * inside)
    values = coarse.data[inside]
    spread = float(values.std()) or 1.0
    scaled = np.clip((coarse.data - values.mean()) / spread, -_CLIP, _CLIP) * inside
    brain = sample(coarse.like(inside), model_from_world, _GRID).data
    detail = _detail(sample(coarse.like(scaled.astype(np.float32)), model_from_world, _GRID).data, brain)
    return Fingerprint(content_key(image), detail / max(float(np.linalg.norm(detail)), 1e-12))


def same_brains(prints: Mapping[str, Fingerprint], threshold: float = SAME_BRAIN) -> list[Pair]:
    """Find the pairs of cases that hold the same brain, most similar first.

    Args:
        prints: Case name -> its fingerprint.
        threshold: Least similarity of two scans of one brain.
    """
    names = list(prints)
    if len(names) < 2:
        return []
    thumbnails = np.stack([item.thumbnail for item in prints.values()])
    flat, mirrored = (kind.reshape(len(names), -1) for kind in (thumbnails, thumbnails[:, ::-1]))
    pairs = []
    for start in range(0, len(names), _BLOCK):
        block = flat[start : start + _BLOCK]
        similarity = np.maximum(block @ flat.T, block @ mirrored.T)
        for row, number in enumerate(range(start, start + len(block))):
            for other in range(number + 1, len(names)):
                same = prints[names[number]].content == prints[names[other]].content
                if same or similarity[row, other] >= threshold:
                    pairs.append(Pair(names[number], names[other], same, float(similarity[row, other])))
    return sorted(pairs, key=lambda pair: (not pair.same_voxels, -pair.similarity, pair.first, pair.second))


def _coarse(image: Volume, data: NDArray[Any]) -> Volume:
    """Means of blocks of voxels, as float32, in their place."""
    blocks = np.maximum(np.floor(_COARSE_MM / np.array(image.spacing_mm) + 1e-3), 1).astype(int)
    blocks = np.minimum(blocks, data.shape)  # a field of less than a block, as of a wrong unit
    shape = [n // block for n, block in zip(data.shape, blocks, strict=True)]
    cut = data[tuple(slice(n * block) for n, block in zip(shape, blocks, strict=True))]
    (i, j, k), (a, b, c) = shape, blocks
    means = cut.reshape(i, a, j, b, k, c).mean(axis=(1, 3, 5), dtype=np.float32)
    affine = image.affine @ np.diag([*blocks, 1.0])
    affine[:3, 3] += image.affine[:3, :3] @ ((blocks - 1) / 2)
    return Volume(means, affine, source=image.source)


def _foreground(coarse: Volume, used: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The brain of a stripped scan, else the head: its largest piece."""
    inside = used >= 0.5
    if inside.sum() * coarse.voxel_ml > LARGEST_BRAIN_ML:
        inside = coarse.data > _air(coarse.data)
    pieces, _ = ndimage.label(inside)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == sizes.argmax()) if sizes.any() else inside


def _air(data: NDArray[np.float32]) -> float:
    """The value between the air around a head and the head: least cross entropy (Li and Tam 1998).

    A share of a percentile, and Otsu's threshold, move into the tissue when the contrast changes.
    """
    low, high = float(data.min()), float(np.percentile(data, 99))
    values = np.clip(data, low, high) - low
    level = float(values.mean())
    for _ in range(100):
        above = values > level
        if above.all() or not above.any():
            break
        dark, bright = max(float(values[~above].mean()), 1e-6 * high), float(values[above].mean())
        before, level = level, (bright - dark) / (np.log(bright) - np.log(dark))
        if abs(level - before) < 1e-3 * (high - low):
            break
    return low + level


def _spread_alike(upright: Volume, share: NDArray[np.float32]) -> NDArray[np.float64]:
    """World mm -> a space in which every brain has the same middle and the same spread along its voxel axes.

    Not the box of the brain: a single voxel moves that, and the thickness of the voxels.
    """
    model_from_voxel = np.eye(4)
    for axis, spread_mm in enumerate(_SPREAD_MM):
        weights = share.sum(axis=tuple(other for other in range(3) if other != axis), dtype=np.float64)
        places = np.arange(weights.size)
        middle = float(np.average(places, weights=weights))
        variance = float(np.average((places - middle) ** 2, weights=weights))
        zoom = spread_mm / np.sqrt(max(variance, 1e-3))
        model_from_voxel[axis, axis], model_from_voxel[axis, 3] = zoom, -zoom * middle
    return np.asarray(model_from_voxel @ np.linalg.inv(upright.affine))


def _detail(values: NDArray[np.float32], brain: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What is left when the mean of the surrounding brain is taken away."""
    sigma = _DETAIL_MM / _GRID.spacing_mm
    share = ndimage.gaussian_filter(brain.astype(np.float32), sigma, mode="constant")
    around = ndimage.gaussian_filter(values * brain, sigma, mode="constant") / np.maximum(share, 0.05)
    return np.asarray((values - around) * brain, np.float32)
