"""WMH challenge 2017: white matter hyperintensities, whole heads; `training/Utrecht/0/{orig,pre}`."""

from __future__ import annotations

import re
from pathlib import Path

from pseudohealthy.io.datasets.base import Found, Row, brain_mask_beside, matches, nifti, not_read, stem

_PARTS = ("", "*/", "training/", "test/", "public/", "*/training/", "*/test/")
_SITES = ("Utrecht", "Singapore", "GE3T", "Amsterdam/*")
_PLACES = ("", "*/", "*/*/", *(f"{part}{site}/*/" for part in _PARTS for site in _SITES))


def find_wmh(folder: Path) -> Found | None:
    """The T1 on the grid of the FLAIR, on which the lesions are drawn; 1 is lesion, 2 is other pathology: ignored."""
    masks = matches(folder, (f"{place}wmh.nii*" for place in _PLACES))
    rows = [row for mask in masks if "additional_annotations" not in mask.parts and (row := _row(mask)) is not None]
    if not rows:
        return None
    lacking = len(masks) - len(rows)
    notes = (f"segmentations without pre/T1 or orig/T1 beside them: {lacking}",) if lacking else ()
    return Found(rows, (*notes, *not_read(folder, rows, _kind)))


def _row(mask: Path) -> Row | None:
    person = mask.parent.absolute()
    image = nifti(person / "pre", "T1") or nifti(person / "orig", "T1")  # pre: bias field removed by the organisers
    if not image:
        return None
    scanner = re.sub(r"[^A-Za-z0-9]+", "_", person.parent.name).strip("_")
    above = person.parent.parent
    site = "Amsterdam" if above.name == "Amsterdam" or scanner == "GE3T" else scanner
    part = above.parent.name if above.name == "Amsterdam" else above.name
    return {
        "case": f"{scanner}_{person.name}",
        "image": image,
        "brain_mask": brain_mask_beside(Path(image)),
        "lesion_mask": str(mask.absolute()),
        "subject": f"{scanner}_{person.name}",
        "pathology": "wmh",
        "lesion_labels": "1",
        "ignored_labels": "2",
        "site": site,
        "scanner": scanner if site == "Amsterdam" else "",
        "official_split": part if part in ("training", "test") else "",
        "modalities": " ".join(
            name for name in ("3DT1", "FLAIR", "T1") if any(nifti(person / part, name) for part in ("pre", "orig"))
        ),
    }


def _kind(file: Path) -> str:
    if "additional_annotations" in file.parts:
        return "annotations by other observers"
    name = stem(file)
    return {"3DT1": "3DT1 (not on the grid of the lesions)", "T1": "orig/T1"}.get(
        name, name if name == "FLAIR" else "defacing masks and others"
    )
