"""Which registrations can be trusted: right and wrong ones, and what tells them apart (`prepare/registration.py`).

    python benchmarks/registration_trust.py OUT.tsv SCAN...

SCAN are skull-stripped scans. Each is registered to the MNI152 as it is, which is taken as the truth, and then again
so that it may go wrong: from starts that are turned or shifted, with a part of its field of view cut off, and with
masks that hold too much or too little. Written is one row a trial, with the mean distance in mm between where the two
registrations put the template's brain (`apart_mm`), and what `judge` measured. Printed is how many right (below 4 mm)
and wrong (above 8 mm) ones have problems.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.prepare import register as registering
from pseudohealthy.prepare.brain_frame import frame_of
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.register import register
from pseudohealthy.prepare.registration import Registration

RIGHT_MM, WRONG_MM = 4.0, 8.0
TURNS = {f"start turned {degrees} about {axis}": (axis, degrees) for axis in "xyz" for degrees in (40, 90, 180)}
SHIFTS = {f"start shifted {mm} mm along {'xyz'[axis]}": (axis, mm) for axis in range(3) for mm in (30, -60)}
CUTS = {
    f"{share:.0%} cut off, {name}": (axis, side, share)
    for name, axis, side in (("top", 2, 1), ("bottom", 2, 0), ("front", 1, 1), ("left", 0, 0))
    for share in (0.15, 0.3, 0.45)
}
FLIPS = {"header upside down": np.diag([1.0, -1, -1, 1]), "header back to front": np.diag([-1.0, -1, 1, 1])}


def from_start(image: Volume, mask: Volume, start: np.ndarray) -> Registration:
    """Register from one start alone."""
    scan, aim = frame_of(image, mask), frame_of_template()
    return registering._best_of(iter([start]), scan, aim)


def frame_of_template():
    """The template's brain."""
    return registering._frame_of_template(load_template("mni152"))


def cut(volume: Volume, box: tuple[slice, ...], axis: int, side: int, share: float) -> Volume:
    """Leave away a share of the brain's box, and all beyond, at one side (in RAS order)."""
    upright = volume.canonical()
    first, last = box[axis].start, box[axis].stop
    length = round((last - first) * share)
    kept = slice(0, last - length) if side else slice(first + length, None)
    index = tuple(kept if n == axis else slice(None) for n in range(3))
    affine = upright.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [kept.start if n == axis else 0 for n in range(3)]
    return Volume(upright.data[index], affine)


def trials(image: Volume, mask: Volume) -> Iterator[tuple[str, Registration]]:
    """The registrations that may be wrong."""
    for name, (axis, degrees) in TURNS.items():
        start = np.eye(4)
        start[:3, :3] = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
        yield name, from_start(image, mask, start)
    for name, (axis, mm) in SHIFTS.items():
        start = np.eye(4)
        start[axis, 3] = mm
        yield name, from_start(image, mask, start)
    box = ndimage.find_objects(mask.canonical().data.astype(np.uint8))[0]
    for name, how in CUTS.items():
        yield name, register(cut(image, box, *how), cut(mask, box, *how), load_template("mni152"))
    ball = ndimage.generate_binary_structure(3, 1)
    for steps in (6, 12):
        # brighter than brain, as scalp is
        wide = ndimage.binary_dilation(mask.data, ball, steps)
        bright = np.percentile(image.data[mask.data], 95)
        scalp = np.where(mask.data, image.data, np.random.default_rng(0).uniform(0, bright, mask.shape))
        yield f"mask with {steps} mm of scalp", register(image.like(scalp), mask.like(wide), load_template("mni152"))
        thin = ndimage.binary_erosion(mask.data, ball, steps)
        yield f"mask without {steps} mm of cortex", register(image, mask.like(thin), load_template("mni152"))
    half = mask.canonical()
    left = half.data.copy()
    left[(box[0].start + box[0].stop) // 2 :] = False
    yield "left half alone", register(image.canonical(), half.like(left), load_template("mni152"))
    noise = np.random.default_rng(0).uniform(1, 2, mask.shape)
    yield "noise in the mask", register(image.like(noise.astype(np.float32)), mask, load_template("mni152"))
    for name, flip in FLIPS.items():
        over = (Volume(part.data, flip @ part.affine) for part in (image, mask))
        found = register(*over, load_template("mni152"))
        yield name, replace(found, template_from_world=found.template_from_world @ flip)


def apart_mm(one: Registration, other: Registration) -> float:
    """Mean distance, in the scan's world, of what two registrations take for the template's brain."""
    mask = load_template("mni152").brain_mask
    places = np.argwhere(mask.data)[::997] @ mask.affine[:3, :3].T + mask.affine[:3, 3]
    inverses = (np.linalg.inv(found.template_from_world) for found in (one, other))
    first, second = (places @ inverse[:3, :3].T + inverse[:3, 3] for inverse in inverses)
    return float(np.linalg.norm(first - second, axis=1).mean())


def main(out: Path, scans: list[Path]) -> None:
    """Write the table and print the counts."""
    counts = {(kind, flagged): 0 for kind in ("right", "between", "wrong") for flagged in (True, False)}
    with out.open("w") as file:
        print("scan\ttrial\tapart_mm\tmask_dice\tcorrelation\tfield\tzooms\trotation_degrees\tproblems", file=file)
        for path in scans:
            image = read_volume(path)
            mask = brain_mask(image)
            truth = register(image, mask, load_template("mni152"))
            for name, found in chain([("as it is", truth)], trials(image, mask)):
                mm = apart_mm(truth, found)
                kind = "right" if mm < RIGHT_MM else "wrong" if mm > WRONG_MM else "between"
                counts[kind, bool(found.problems)] += 1
                zooms = " ".join(f"{zoom:.3f}" for zoom in found.zooms)
                numbers = f"{mm:.2f}\t{found.mask_dice:.4f}\t{found.correlation:.4f}\t{found.field:.3f}\t{zooms}"
                row = f"{path.name}\t{name}\t{numbers}\t{found.rotation_degrees:.1f}\t{'; '.join(found.problems)}"
                print(row, file=file, flush=True)
    for (kind, flagged), count in counts.items():
        print(f"{kind}, {'with' if flagged else 'without'} problems: {count}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
