"""The result of a registration, and whether it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from pseudohealthy.prepare.brain_frame import BrainFrame, seen_on
from pseudohealthy.prepare.model_grid import sample

LEAST_DICE, LEAST_CORRELATION, LEAST_FIELD = 0.9, 0.4, 0.8
ZOOMS, MOST_DEGREES = (0.7, 1.5), 60.0


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
    """

    template_from_world: NDArray[np.float64]
    mask_dice: float
    correlation: float
    field: float
    zooms: tuple[float, float, float]
    rotation_degrees: float
    problems: tuple[str, ...] = ()


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
    return replace(found, problems=tuple(_problems(found)))


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
    if found.zooms[0] < ZOOMS[0] or found.zooms[2] > ZOOMS[1]:
        yield f"it is stretched by {found.zooms[0]:.2f} to {found.zooms[2]:.2f}, beyond {ZOOMS[0]:g} to {ZOOMS[1]:g}"
    if np.linalg.det(found.template_from_world[:3, :3]) < 0:
        yield "left and right are exchanged"
    elif found.rotation_degrees > MOST_DEGREES:
        yield f"the head is turned by {found.rotation_degrees:.0f} degrees, more than {MOST_DEGREES:g}"
