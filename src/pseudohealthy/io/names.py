"""File names: BIDS entities where there are any, else the stem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MaskKind = Literal["brain", "lesion", "other"]

_ENTITY = re.compile(r"([A-Za-z0-9]+)-([A-Za-z0-9.+]+)")
_NOT_OF_THE_CASE = {"space", "desc", "res", "label"}  # these tell two files of one acquisition apart
# Longest first: `_brain_mask` ends in `_mask`, too. A bare `_mask` does not say of what.
_PLAIN_MASKS: dict[str, MaskKind] = {
    "_desc-brain_mask": "brain",
    "_brain_mask": "brain",
    "_brainmask": "brain",
    "_label-l_mask": "lesion",
    "_lesion_mask": "lesion",
    "_lesions": "lesion",
    "_lesion": "lesion",
    "_mask": "other",
}


@dataclass(frozen=True)
class Name:
    """A NIfTI file's name, taken apart.

    Attributes:
        stem: Without folder and `.nii[.gz]`.
        entities: BIDS entities in order (`sub`, `ses`, `run`, ...); empty where the name is not BIDS.
        suffix: The BIDS suffix (`T1w`, `mask`), or "".
    """

    stem: str
    entities: Mapping[str, str]
    suffix: str

    @property
    def case(self) -> str:
        """The case that the file belongs to: `sub-01_ses-1`, or the stem."""
        kept = [f"{key}-{value}" for key, value in self.entities.items() if key not in _NOT_OF_THE_CASE]
        return "_".join(kept) or self.stem

    @property
    def mask(self) -> MaskKind | None:
        """What the file is a mask of; None where it is no mask."""
        if self.entities:
            if self.suffix != "mask":
                return None
            if self.entities.get("desc") == "brain":
                return "brain"
            return "lesion" if self.entities.get("label", "").lower() in ("l", "lesion") else "other"
        return next((kind for end, kind in _PLAIN_MASKS.items() if self.stem.lower().endswith(end)), None)

    def belongs_to(self, scan: Name) -> bool:
        """Return whether this mask lies on that scan's grid: what its name says must be what the scan's name says."""
        if self.entities and scan.entities:
            of_mask, of_scan = dict(self.entities), dict(scan.entities)
            own = {key: value for key, value in of_mask.items() if key not in _NOT_OF_THE_CASE}
            same_visit = all(of_mask.get(key) == of_scan.get(key) for key in ("sub", "ses", "space"))
            return same_visit and all(of_scan.get(key) == value for key, value in own.items())
        end = next((end for end in _PLAIN_MASKS if self.stem.lower().endswith(end)), "")
        base = self.stem[: len(self.stem) - len(end)]
        return bool(end) and base in (scan.stem, scan.stem.removesuffix("_T1w"))


def parse_name(path: str | Path) -> Name:
    """Take a file's name apart."""
    stem = Path(path).name
    for end in (".gz", ".nii"):
        stem = stem[: -len(end)] if stem.lower().endswith(end) else stem
    parts = stem.split("_")
    suffix = "" if _ENTITY.fullmatch(parts[-1]) else parts.pop()
    entities = [_ENTITY.fullmatch(part) for part in parts]
    if not entities or None in entities or not stem.startswith("sub-"):
        return Name(stem, {}, "")
    return Name(stem, {match[1]: match[2] for match in entities if match}, suffix)


def is_nifti(path: Path) -> bool:
    """Return whether the name is that of a NIfTI file."""
    return path.name.lower().endswith((".nii", ".nii.gz")) and not path.name.startswith(".")
