"""The result of a registration, and whether it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from pseudohealthy.errors import ImageError
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_frame import BrainFrame, seen_on
from pseudohealthy.prepare.model_grid import sample

# Found by benchmarks/registration_trust.py on two scans of `oasis` (70 trials; one of them with starts on 4 mm), and on
# what was looked at or is known to be right: 24 of `oasis`, one of `mslub`, 26 of `lgg`. Right ones: Dice >= 0.938,
# correlation >= 0.57, over a large tumour 0.35, turned by up to 21 degrees. Wrong ones (more than 8 mm off): Dice
# <= 0.921, correlation <= 0.33. With 0.73 of the template's brain in the field of view a scan lay 6.6 mm off, with 0.78
# and more at most 3.3 mm. A good fit of a bad mask is flagged too (6 mm of cortex cut off: 0.915). Not told apart:
# masks with 12 mm of scalp all around, 7.8 mm off (their volume is for `brain_mask` to refuse).
LEAST_DICE, LEAST_CORRELATION, LEAST_FIELD = 0.93, 0.3, 0.75
MOST_ZOOMS, MOST_DEGREES = (0.45, 2.2), 45.0
PLAUSIBLE_ZOOMS = (0.75, 1.4)  # people: 0.99 to 1.27 to the MNI152, 0.92 to 1.13 to SRI24


@dataclass(frozen=True, eq=False)
class Registration:
    """Where a scan lies in a template's space, and how well.

    Attributes:
        template_from_world: Scan's world mm -> template's world mm (4, 4); affine.
        mask_dice: Overlap of the two brain masks in template space, where the scan has a field of view; 0 to 1.
        correlation: Of the intensities of scan and template where both have brain; -1 to 1.
        field: Share of the template's brain that the scan's field of view holds, 0 to 1.
        zooms: Stretch along the three principal axes, template mm a scan's mm, smallest first.
        rotation_degrees: Between the scan's world and the template's, without the stretch.
        problems: Sentences about what is wrong; empty where the result can be used.
        warnings: Sentences about what is odd in the scan, although it was laid over the template.
    """

    template_from_world: NDArray[np.float64]
    mask_dice: float
    correlation: float
    field: float
    zooms: tuple[float, float, float]
    rotation_degrees: float
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def refuse_untrusted(found: Registration, scan: Volume, template: str, fix: str, by: str = "") -> None:
    """Refuse a registration that has problems.

    Args:
        found: The registration.
        scan: The scan, named in the error.
        template: The template's name.
        fix: What the user can do.
        by: The tool that found the brain, if one did.

    Raises:
        ImageError: It cannot be trusted.
    """
    if found.problems:
        raise ImageError(
            scan.source or "the scan",
            found=f"a brain{f', by {by},' if by else ''} that does not fit the template {template}: "
            f"{'; '.join(found.problems)}",
            needed="a T1w scan of a whole brain with a good brain mask",
            fix=fix,
        )


def judge(scan: BrainFrame, aim: BrainFrame, scan_from_aim: NDArray[np.float64], spacing_mm: float) -> Registration:
    """Measure how well a scan lies over a template.

    Args:
        scan: The scan's brain.
        aim: The template's.
        scan_from_aim: Template's frame mm -> scan's frame mm (4, 4).
        spacing_mm: Of the cubic voxels on which it is measured.
    """
    aim_from_world = np.linalg.inv(scan_from_aim) @ scan.frame_from_world
    template_from_world = np.linalg.inv(aim.frame_from_world) @ aim_from_world
    grid = aim.grid(spacing_mm)
    brain = sample(aim.mask, aim.frame_from_world, grid).data
    mask = sample(scan.mask, aim_from_world, grid).data
    seen, both = brain & seen_on(grid, aim_from_world, scan.mask), brain & mask
    correlation = 0.0
    if both.any():
        there = sample(aim.image, aim.frame_from_world, grid).data[both]
        here = sample(scan.image, aim_from_world, grid).data[both]
        correlation = float(np.nan_to_num(np.corrcoef(there, here)[0, 1]))
    rotation, stretch = linalg.polar(template_from_world[:3, :3])
    least, middle, most = (float(zoom) for zoom in np.linalg.eigvalsh(stretch))
    found = Registration(
        template_from_world,
        mask_dice=float(2 * both.sum() / max(mask.sum() + seen.sum(), 1)),
        correlation=correlation,
        field=float(seen.sum() / brain.sum()),
        zooms=(least, middle, most),
        rotation_degrees=degrees(rotation),
    )
    return replace(found, problems=tuple(_problems(found)), warnings=tuple(_warnings(found)))


def degrees(rotation: NDArray[np.float64]) -> float:
    """Return the angle of a rotation (3, 3)."""
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def _problems(found: Registration) -> Iterator[str]:
    if found.mask_dice < LEAST_DICE:
        yield f"the brain masks overlap with a Dice of {found.mask_dice:.2f}, below {LEAST_DICE:g}"
    if found.correlation < LEAST_CORRELATION:
        yield f"the intensities correlate by {found.correlation:.2f}, below {LEAST_CORRELATION:g}"
    if found.field < LEAST_FIELD:
        yield f"the field of view holds {found.field:.0%} of the template's brain, less than {LEAST_FIELD:.0%}"
    if found.zooms[0] < MOST_ZOOMS[0] or found.zooms[2] > MOST_ZOOMS[1]:
        least, most = MOST_ZOOMS
        yield f"it is stretched by {found.zooms[0]:.2f} to {found.zooms[2]:.2f}, beyond {least:g} to {most:g}"
    if np.linalg.det(found.template_from_world[:3, :3]) < 0:
        yield "left and right are exchanged"
    elif found.rotation_degrees > MOST_DEGREES:
        yield f"the head is turned by {found.rotation_degrees:.0f} degrees, more than {MOST_DEGREES:g}"


def _warnings(found: Registration) -> Iterator[str]:
    least, _, most = found.zooms
    if least < PLAUSIBLE_ZOOMS[0] or most > PLAUSIBLE_ZOOMS[1]:
        yield (
            f"the brain fits the template only when stretched by {least:.2f} to {most:.2f}: the header's voxel size is "
            "probably wrong, and with it every volume in ml"
        )
