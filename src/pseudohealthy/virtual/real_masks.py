"""Lesion masks of real patients in MNI152 space, and how they come to lie in another brain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import CohortError, ImageError
from pseudohealthy.io.names import is_nifti, parse_name
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.io.walk import files_below
from pseudohealthy.prepare.model_grid import ModelGrid, keep_volume, sample
from pseudohealthy.virtual.host_grid import HostGrid

VOLUME_ML = (0.5, 250.0)  # in the host; more than a territory of the middle cerebral artery leaves no side to compare
LEAST_INSIDE = 0.7  # share of a mask's volume that has to lie inside the host's brain
_FOLDERS = ("anat", "derivatives", "lesions", "masks")  # they do not say whose masks they hold


@dataclass(frozen=True)
class RealMask:
    """A file and whose lesion it is.

    Attributes:
        path: NIfTI of 0 and 1 in MNI152 mm.
        source: Folder and stem, such as `soop/sub-1003_lesion`; of a BIDS dataset its name and the subject.
    """

    path: Path
    source: str


def find_masks(places: Sequence[Path]) -> list[RealMask]:
    """Find the masks in files and in folders, however deep; sorted, each source once.

    Args:
        places: Files and folders.

    Raises:
        CohortError: A place that does not exist or has no mask.
    """
    found: dict[str, RealMask] = {}
    for place in map(Path, places):
        files = [place] if place.is_file() else [file for file in files_below(place) if is_nifti(file)]
        if not files:
            raise CohortError(
                place,
                found="no mask" if place.exists() else "no such file or folder",
                needed="lesion masks in MNI152 space, .nii or .nii.gz",
                fix="Check the path.",
            )
        for file in files:
            found.setdefault(_source(file), RealMask(file, _source(file)))
    return [found[source] for source in sorted(found)]


def without(masks: Mapping[str, Sequence[RealMask]], exclude: Sequence[str]) -> dict[str, list[RealMask]]:
    """Leave masks out, for each kind.

    Args:
        masks: Kind -> masks.
        exclude: Sources, subjects (`patient26`, `sub-patient26`), files or their stems.

    Raises:
        CohortError: A name that no mask of any kind has: what it should keep away would be used.
    """
    names = {mask: _names(mask) for of_kind in masks.values() for mask in of_kind}
    for name in exclude:
        if not any(name in own for own in names.values()):
            such = ", ".join(sorted(next(iter(names.values()), ())))
            raise CohortError(
                f"the mask '{name}', which is not to be used",
                found=f"no mask of this name among {len(names)}",
                needed="the name of a file, its stem, or a subject",
                fix=f"Leave it out, or check the spelling; names are such as {such}.",
            )
    return {kind: [mask for mask in of_kind if not names[mask] & set(exclude)] for kind, of_kind in masks.items()}


def _names(mask: RealMask) -> set[str]:
    name, last = parse_name(mask.path), mask.source.split("/")[-1]
    return {mask.source, last, name.stem, mask.path.name} | ({f"sub-{last}"} if name.entities else set())


def _source(file: Path) -> str:
    name = parse_name(file)
    folders = [part for part in file.absolute().parent.parts if part not in _FOLDERS]
    if name.entities:
        folders = [part for part in folders if not part.startswith(("sub-", "ses-"))]
    return f"{folders[-1]}/{name.entities['sub'] if name.entities else name.stem}"


def read_real_mask(mask: RealMask) -> Volume:
    """Read a mask as a Volume of float32 0 and 1.

    Raises:
        ImageError: Other values, or no usable file.
    """
    volume = read_volume(mask.path)
    odd = np.unique(volume.data[(volume.data != 0) & (volume.data != 1)])
    if odd.size:
        raise ImageError(
            mask.path,
            found=f"a lesion mask with the values {', '.join(f'{value:g}' for value in odd[:4])}",
            needed="0 and 1 only",
            fix="Binarise it: 1 where the lesion is, 0 elsewhere.",
        )
    return volume


def carry(mask: Volume, grid: HostGrid) -> NDArray[Any]:
    """Bring a mask in MNI152 space to a host's grid (i, j, k), by the affine alone, in one linear interpolation.

    Float masks become the share of each voxel that they cover; bool ones are cut at one half.
    """
    model = ModelGrid("host", grid.shape, grid.spacing_mm)
    model_from_head = np.eye(4)
    model_from_head[:3, 3] = model.affine[:3, 3] - grid.first_mm
    return sample(mask, model_from_head @ np.linalg.inv(grid.mni_from_head), model).data


def carry_lesion(mask: Volume, grid: HostGrid) -> NDArray[np.bool_]:
    """Bring a lesion mask of 0 and 1 to a host's grid (i, j, k), cut where it keeps its volume."""
    return keep_volume(carry(mask, grid))


def fits(mask: Volume, carried: NDArray[np.bool_], brain: NDArray[np.bool_], grid: HostGrid) -> bool:
    """Return whether enough of a carried mask, and not too much, lies in a host's brain.

    Args:
        mask: In MNI152 space.
        carried: The same in the host, (i, j, k).
        brain: (i, j, k) of the host.
        grid: The host's.
    """
    inside_ml = float(np.count_nonzero(carried & brain)) * grid.voxel_ml
    stretch = abs(np.linalg.det(grid.mni_from_head[:3, :3]))
    whole_ml = float(mask.data.sum()) * mask.voxel_ml / stretch
    return VOLUME_ML[0] <= inside_ml <= VOLUME_ML[1] and inside_ml >= LEAST_INSIDE * whole_ml
