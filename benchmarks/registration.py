"""How well scans are laid over templates, how fast, and what that is worth: the figures about `prepare/register.py`.

    python benchmarks/registration.py OASIS [TEMPLATE]

OASIS is a BIDS dataset of skull-stripped healthy scans with `desc-tissue` (2 grey, 3 white matter) and
`desc-neuromorphometrics` labels (51 right, 52 left lateral ventricle) in `derivatives/labels`. They are registered to
the MNI152 and, if given, to the TEMPLATE in a file. Printed are, for each template: the overlap of the brain masks,
subjects below 0.93, whether the left ventricle lies left, seconds of processor time and peak memory; the mean Dice of
grey and of white matter between all pairs of subjects, labels carried by nearest neighbour to 2 mm, after registration
and after `brainbox`; and for three of them how copies that are turned by 15 degrees, stored in another order or three
times as bright, and poorer ones, with thick slices or a part cut off, differ when they are prepared.
"""

from __future__ import annotations

import resource
import sys
from itertools import combinations
from pathlib import Path
from time import process_time

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from pseudohealthy.io.bids import discover
from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.prepare.brain_frame import frame_of
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.register import register
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.prepare.space import brainbox

GRID = GRIDS["small"]
GREY, WHITE, RIGHT, LEFT = 2, 3, 51, 52


def carried(labels: Volume, grid_from_world: np.ndarray) -> np.ndarray:
    """Labels on the grid by nearest neighbour."""
    upright = labels.canonical()
    matrix = np.linalg.inv(grid_from_world @ upright.affine) @ GRID.affine
    return ndimage.affine_transform(
        upright.data.astype(np.uint8), matrix[:3, :3], matrix[:3, 3], output_shape=GRID.shape, order=0
    )


def between_pairs(carried_labels: list[np.ndarray], label: int) -> float:
    """Mean Dice of one label between all pairs."""
    pairs = combinations([labels == label for labels in carried_labels], 2)
    return float(np.mean([2 * (one & other).sum() / (one.sum() + other.sum()) for one, other in pairs]))


def ventricles_x(labels: Volume, template_from_world: np.ndarray) -> tuple[float, float]:
    """Where the left and right lateral ventricle's centroids lie, mm to the right."""
    left, right = (
        (template_from_world @ labels.affine @ [*np.argwhere(labels.data == label).mean(0), 1.0])[0]
        for label in (LEFT, RIGHT)
    )
    return float(left), float(right)


def to_template(root: Path, source: str) -> None:
    """Print what registration to one template is worth."""
    template = load_template(source)
    aim = frame_of(template.t1, template.brain_mask)
    rows, registered, boxed, mirrored = [], [], [], []
    for case in discover([root]):
        image = read_volume(case.image)
        mask = brain_mask(image)
        folder = root / "derivatives" / "labels" / case.name
        (tissue,), (regions,) = (list(folder.rglob(f"*desc-{kind}*.nii*")) for kind in ("tissue", "neuromorph"))
        begin = process_time()
        found = register(image, mask, template)
        seconds = process_time() - begin
        left, right = ventricles_x(read_volume(regions), found.template_from_world)
        if left >= right:
            mirrored.append(case.name)
        labels = read_volume(tissue)
        registered.append(carried(labels, aim.frame_from_world @ found.template_from_world))
        boxed.append(carried(labels, brainbox(image, mask)))
        rows.append((case.name, found, seconds))
        numbers = f"Dice {found.mask_dice:.3f}, correlation {found.correlation:.2f}, zooms {np.round(found.zooms, 2)}"
        print(f"{template.name}: {case.name}: {numbers}, {seconds:.1f} s {'; '.join(found.problems)}", flush=True)
    dices = [found.mask_dice for _, found, _ in rows]
    low = ", ".join(f"{name} {found.mask_dice:.3f}" for name, found, _ in rows if found.mask_dice < 0.93)
    print(f"{template.name}: n = {len(rows)}, mask Dice median {np.median(dices):.3f}, least {min(dices):.3f}")
    print(f"{template.name}: below 0.93: {low or 'none'}; with problems: {sum(bool(f.problems) for _, f, _ in rows)}")
    print(f"{template.name}: left ventricle not left of the right one: {', '.join(mirrored) or 'none'}")
    for name, label in (("grey", GREY), ("white", WHITE)):
        values = f"{between_pairs(registered, label):.3f}, brainbox {between_pairs(boxed, label):.3f}"
        print(f"{template.name}: Dice of {name} matter between pairs: registered {values}")
    seconds = np.median([seconds for *_, seconds in rows])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{template.name}: {seconds:.1f} s of processor time a scan (median), peak memory {peak:.2f} GiB")


def turned(volume: Volume, axis: str, degrees: float) -> Volume:
    """The same head at another angle, interpolated onto a new upright grid of 1 mm."""
    upright = volume.canonical()
    edge = max(upright.shape) + 40
    affine = np.eye(4)
    affine[:3, 3] = -(edge - 1) / 2
    back = np.eye(4)
    back[:3, :3] = Rotation.from_euler(axis, -degrees, degrees=True).as_matrix()
    back[:3, 3] = (upright.affine @ [*((np.array(upright.shape) - 1) / 2), 1.0])[:3]
    matrix = np.linalg.inv(upright.affine) @ back @ affine
    data = ndimage.affine_transform(
        upright.data.astype(np.float32), matrix[:3, :3], matrix[:3, 3], output_shape=(edge,) * 3, order=1
    )
    return Volume(data >= 0.5 if volume.data.dtype == np.bool_ else data, affine)


def copies(image: Volume, mask: Volume) -> dict[str, tuple[Volume, Volume]]:
    """Copies of a scan that should be prepared to the same image."""
    stripped = image.like(image.data * mask.data)
    made = {
        f"turned {degrees:+d} about {axis}": (turned(stripped, axis, degrees), turned(mask, axis, degrees))
        for axis, degrees in (("x", 15), ("x", -15), ("y", 15), ("z", -15))
    }
    voxel = np.diag([-1.0, -1, 1, 1])
    voxel[:2, 3] = np.array(image.shape[:2]) - 1
    flipped = (Volume(part.data[::-1, ::-1], image.affine @ voxel) for part in (image, mask))
    one, other = flipped
    return {**made, "flipped storage": (one, other), "3 times as bright": (image.like(3 * image.data), mask)}


def poorer(image: Volume, mask: Volume) -> dict[str, tuple[Volume, Volume]]:
    """Copies of a scan that hold less: slices of 5 mm, and fields of view that cut a fifth of the brain's slices."""
    scan, brain = image.canonical(), mask.canonical()
    n = scan.shape[2] // 5
    parts = (part.data[:, :, : 5 * n].reshape(*scan.shape[:2], n, 5).mean(axis=3) for part in (scan, brain))
    affine = scan.affine @ np.diag([1.0, 1, 5, 1])
    affine[:3, 3] = (scan.affine @ [0, 0, 2, 1])[:3]
    thick, thick_mask = parts
    made = {"1x1x5 mm": (Volume(thick, affine), Volume(thick_mask >= 0.5, affine))}
    box = ndimage.find_objects(brain.data.astype(np.uint8))[0]
    for name, axis, side in (("top", 2, 1), ("bottom", 2, 0), ("front", 1, 1)):
        first, last = box[axis].start, box[axis].stop
        fifth = (last - first) // 5
        kept = [slice(None)] * 3
        kept[axis] = slice(None, last - fifth) if side else slice(first + fifth, None)
        corner = scan.affine.copy()
        corner[:3, 3] = (scan.affine @ [*(part.start or 0 for part in kept), 1])[:3]
        x, y, z = kept
        made[f"a fifth cut off, {name}"] = (Volume(scan.data[x, y, z], corner), Volume(brain.data[x, y, z], corner))
    return made


def main(root: Path, templates: list[str]) -> None:
    """Print all of it."""
    for source in ("mni152", *templates):
        to_template(root, source)
    compare_copies(root)


def compare_copies(root: Path) -> None:
    """Print how copies of three scans differ from the scans when they are prepared."""
    for case in list(discover([root]))[::9]:
        image = read_volume(case.image)
        mask = brain_mask(image)
        first = prepare_scan(image, GRID, mask, "mni152")
        for name, (copy, copy_mask) in {**copies(image, mask), **poorer(image, mask)}.items():
            second = prepare_scan(copy, GRID, copy_mask, "mni152")
            inside = first.mask.data & second.mask.data
            correlation = np.corrcoef(first.image.data[inside], second.image.data[inside])[0, 1]
            kept = inside.sum() / first.mask.data.sum()
            print(f"{case.name}, {name}: correlation inside the brain {correlation:.4f}, {kept:.1%} of it", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
