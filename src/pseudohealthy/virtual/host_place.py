"""Hosts from their files: first where each lies, which is cheap to keep for a whole cohort, then one at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import InputError, MissingExtraError
from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume, read_labels, read_mask, read_volume
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.regions import size, support
from pseudohealthy.prepare.register import register
from pseudohealthy.prepare.registration import refuse_untrusted
from pseudohealthy.prepare.space import MODEL_BOX_MM, brainbox
from pseudohealthy.virtual.atlas import atlas
from pseudohealthy.virtual.host import Host
from pseudohealthy.virtual.host_files import CSF, GREY, WHITE, HostFiles
from pseudohealthy.virtual.host_grid import HostGrid, grid_around
from pseudohealthy.virtual.real_masks import carry
from pseudohealthy.virtual.streams import stream

SPACING_MM = (0.5, 4.0)
REGISTERED, BOXED = "affine registration to MNI152 (SimpleITK)", "the brain's box laid over that of MNI152"


@dataclass(frozen=True, eq=False)
class Place:
    """Where a host lies.

    Attributes:
        files: Whose.
        grid: Where it is painted.
        brain: Brain mask on the grid, without the host's warp.
        by: How the way to MNI152 was found: `REGISTERED` or `BOXED`.
    """

    files: HostFiles
    grid: HostGrid
    brain: NDArray[np.bool_]
    by: str


def find_place(files: HostFiles, spacing_mm: float | None = None) -> Place:
    """Lay a host over MNI152: registered where SimpleITK is installed, else by its box.

    Args:
        files: The host's.
        spacing_mm: Edge of the voxels to paint on; None for that of a cube of the scan's voxel volume.

    Raises:
        ImageError: A file cannot be used, or the registration not be trusted.
        InputError: The voxels are too fine or too coarse.
    """
    scan, mask = _scan_and_mask(files)
    spacing_mm = round((1000 * scan.voxel_ml) ** (1 / 3), 3) if spacing_mm is None else spacing_mm
    check_spacing(spacing_mm)
    mni_from_world, by = _to_mni(scan, mask)
    grid = grid_around(mask, mni_from_world, spacing_mm)
    in_mni = Volume(mask.data, mni_from_world @ mask.affine)
    return Place(files, grid, carry(in_mni, grid), by)


def load_host(place: Place, seed: int) -> Host:
    """Read a host's files and put it on its grid; the warp is that of the seed and the host's name.

    Raises:
        ImageError: A file cannot be used.
    """
    scan, mask = _scan_and_mask(place.files)
    fix = "Merge its labels: 1 CSF, 2 grey matter, 3 white matter, 0 elsewhere."
    labels = read_labels(place.files.tissue, scan, "tissue label map", (CSF, GREY, WHITE), fix)
    return Host(scan, mask, labels, place.grid, stream(seed, f"warp {place.files.name}"))


def check_spacing(spacing_mm: float) -> None:
    """Refuse voxels that are too fine or too coarse.

    Raises:
        InputError: They are.
    """
    low, high = SPACING_MM
    if not low <= spacing_mm <= high:
        raise InputError(
            "spacing", found=f"{spacing_mm:g} mm", needed=f"{low:g} to {high:g} mm", fix="Try 2 mm or 1 mm."
        )


def _scan_and_mask(files: HostFiles) -> tuple[Volume, Volume]:
    scan = read_volume(files.case.image)
    given = files.case.brain_mask
    return scan, brain_mask(scan, read_mask(given, scan, "brain mask") if given else None)


def _to_mni(scan: Volume, mask: Volume) -> tuple[NDArray[np.float64], str]:
    try:
        found = register(scan, mask, load_template("mni152"))
    except MissingExtraError:
        template = load_template("mni152").brain_mask
        box_mm = np.array(size(support(template.data, 0))) * template.spacing_mm
        mni_from_model = np.diag([*(box_mm / MODEL_BOX_MM), 1.0])
        mni_from_model[:3, 3] = atlas().centre_mm
        return mni_from_model @ brainbox(scan, mask), BOXED
    refuse_untrusted(found, scan, "mni152", "Look at the brain mask and the scan's orientation, or leave the scan out.")
    return found.template_from_world, REGISTERED
