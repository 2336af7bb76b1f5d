"""How alike two people's scans are, and how alike two copies of one scan: the figures behind `SAME_BRAIN`.

    python benchmarks/same_brain.py DATASET [DATASET ...]

DATASET is a folder of scans of different people, stripped or not. Printed is, for each: the similarity of all pairs of
people; and for each way of changing a scan the least similarity of a copy to its original and the highest to anyone
else, with how many copies are found at the threshold. Last: seconds a scan, and of the comparison of 600.

Two visits of one person are not among the copies: no such scans were at hand.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage

from pseudohealthy.io.bids import discover
from pseudohealthy.io.volume import Volume, read_mask, read_volume
from pseudohealthy.prepare.fingerprint import SAME_BRAIN, Fingerprint, fingerprint, same_brains


def resampled(image: Volume, spacing_mm: tuple[float, float, float]) -> Volume:
    """Linear, on voxels of about this size."""
    zoom = np.array(image.spacing_mm) / spacing_mm
    smooth = ndimage.gaussian_filter(image.data, 0.42 * np.sqrt(np.maximum(zoom**-2 - 1, 0)))
    data, inside = (
        ndimage.zoom(part, zoom, order=1, grid_mode=True, mode="grid-constant")
        for part in (smooth, (image.data != 0).astype(np.float32))
    )
    size = np.array(image.shape) / data.shape
    affine = image.affine @ np.diag([*size, 1.0])
    affine[:3, 3] += image.affine[:3, :3] @ ((size - 1) / 2)
    return Volume((data * (inside >= 0.5)).astype(np.float32), affine)


def turned(image: Volume, degrees: float, axis: int) -> Volume:
    """About an axis of the world, through the middle of the scan."""
    one, other = [(1, 2), (0, 2), (0, 1)][axis]
    turn, centre = np.eye(4), np.eye(4)
    turn[[one, one, other, other], [one, other, one, other]] = (
        *(np.cos(np.radians(degrees)), -np.sin(np.radians(degrees))),
        *(np.sin(np.radians(degrees)), np.cos(np.radians(degrees))),
    )
    centre[:3, 3] = (image.affine @ [*((np.array(image.shape) - 1) / 2), 1])[:3]
    matrix = np.linalg.inv(image.affine) @ centre @ turn @ np.linalg.inv(centre) @ image.affine
    data, inside = (
        ndimage.affine_transform(part, matrix[:3, :3], matrix[:3, 3], order=1)
        for part in (image.data, (image.data != 0).astype(np.float32))
    )
    return image.like((data * (inside >= 0.5)).astype(np.float32))


def noisy(image: Volume, share: float, rng: np.random.Generator) -> Volume:
    """Noise of this share of the standard deviation inside."""
    inside = image.data != 0
    noise = share * image.data[inside].std() * rng.standard_normal(image.shape)
    return image.like(np.where(inside, image.data + noise, 0).astype(np.float32))


def cut(image: Volume, share: float) -> Volume:
    """Without the lowest slices of the brain."""
    upright = image.canonical()
    used = np.flatnonzero(upright.data.any(axis=(0, 1)))
    data = upright.data.copy()
    data[:, :, : used[0] + round(share * used.size)] = 0
    return upright.like(data)


def copies(image: Volume) -> Iterator[tuple[str, Volume]]:
    """What may become of a scan on its way into a second dataset."""
    rng = np.random.default_rng(0)
    inside = image.data != 0
    ramp = 1 + 0.3 * np.linspace(-1, 1, image.shape[1])[None, :, None]
    changes: dict[str, Callable[[], Volume]] = {
        "shifted by some voxels": lambda: Volume(np.pad(image.data, ((5, 1), (0, 4), (2, 0))), image.affine),
        "mirrored": lambda: image.like(image.data[::-1]),
        "gamma 1.4": lambda: image.like(((image.data.clip(0) / image.data.max()) ** 1.4).astype(np.float32) * inside),
        "gamma 0.7": lambda: image.like(((image.data.clip(0) / image.data.max()) ** 0.7).astype(np.float32) * inside),
        "bias field of 30 %": lambda: image.like((image.data * ramp).astype(np.float32)),
        "noise of 0.3 sd": lambda: noisy(image, 0.3, rng),
        "noise of 1 sd": lambda: noisy(image, 1.0, rng),
        "2 mm voxels": lambda: resampled(image, (2, 2, 2)),
        "1 x 1 x 5 mm voxels": lambda: resampled(image, (1, 1, 5)),
        "1 mm less at the mask's edge": lambda: image.like(image.data * ndimage.binary_erosion(inside)),
        "2 mm less at the mask's edge": lambda: image.like(image.data * ndimage.binary_erosion(inside, iterations=2)),
        "lowest tenth cut off": lambda: cut(image, 0.1),
        "turned by 3 degrees (nodding)": lambda: turned(image, 3, 0),
        "turned by 5 degrees (nodding)": lambda: turned(image, 5, 0),
        "turned by 10 degrees (nodding)": lambda: turned(image, 10, 0),
    }
    for name, change in changes.items():
        yield name, change()


def similarity(prints: dict[str, Fingerprint]) -> dict[frozenset[str], float]:
    """Pair of names -> similarity."""
    return {frozenset((pair.first, pair.second)): pair.similarity for pair in same_brains(prints, -1.0)}


def measure(root: Path) -> None:
    """Print the figures of a dataset."""
    originals: dict[str, Fingerprint] = {}
    changed: dict[str, dict[str, Fingerprint]] = {}
    seconds: list[float] = []
    for case in discover([root]):
        image = read_volume(case.image)
        mask = read_mask(case.brain_mask, image, "brain mask") if case.brain_mask else None
        begun = time.perf_counter()
        originals[case.name] = fingerprint(image, mask)
        seconds.append(time.perf_counter() - begun)
        if mask is not None:
            image = image.like(image.data * mask.data)
        for kind, copy in copies(image):
            changed.setdefault(kind, {})[case.name] = fingerprint(copy)
    people = list(similarity(originals).values())
    print(f"\n{root.name}: {len(originals)} people, {len(people)} pairs, {np.mean(seconds):.2f} s a fingerprint")
    if people:
        spread = f"mean {np.mean(people):.3f}, sd {np.std(people):.3f}, highest {max(people):.3f}"
        print(f"  two people: {spread}; at {SAME_BRAIN} or above: {sum(r >= SAME_BRAIN for r in people)}")
    for kind, prints in changed.items():
        both = similarity(originals | {f"{name} again": item for name, item in prints.items()})
        own = [both[frozenset((name, f"{name} again"))] for name in originals]
        others = [
            both[frozenset((name, f"{other} again"))] for name in originals for other in originals if name != other
        ]
        found = f"found {sum(r >= SAME_BRAIN for r in own)} of {len(own)}"
        worst = f"another person at most {max(others):.3f}, " if others else ""
        print(f"  {kind}: original at least {min(own):.3f}, median {np.median(own):.3f}, {worst}{found}", flush=True)


def main(roots: list[Path]) -> None:
    """Print the figures of all, and how long 600 scans take to compare."""
    for root in roots:
        measure(root)
    rng = np.random.default_rng(0)
    prints = {}
    for number in range(600):
        thumbnail = rng.standard_normal((40, 48, 40)).astype(np.float32)
        prints[f"{number:03d}"] = Fingerprint(f"{number}", thumbnail / np.linalg.norm(thumbnail))
    begun = time.perf_counter()
    same_brains(prints)
    print(f"\n600 scans, all {600 * 599 // 2} pairs and their mirror images: {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
