"""BraTS: gliomas, skull-stripped, in the SRI24 space; one folder a patient."""

from __future__ import annotations

import re
from pathlib import Path

from pseudohealthy.io.datasets.base import Found, Row, brain_mask_beside, matches, nifti, not_read, stem, with_masks

# Up to 2021 `BraTS2021_00000_t1`, from 2023 on `BraTS-GLI-00000-000-t1n` whose last number is the visit.
_OLD = re.compile(r"((?:BraTS|Brats)[0-9A-Za-z]+(?:_[0-9A-Za-z]+)*_\d+)_(t1)")
_NEW = re.compile(r"((BraTS-[A-Z]+-\d+)-\d+)-(t1n)")
_MODALITIES = ("flair", "t1", "t1ce", "t2", "t1n", "t1c", "t2w", "t2f")


def find_brats(folder: Path) -> Found | None:
    """The T1 scans without contrast agent; all labels of the segmentation are one lesion."""
    names = ("[Bb]ra[Tt][Ss]*_t1.nii*", "BraTS-*-t1n.nii*")
    places = ("[Bb]ra[Tt][Ss]*/", "*/[Bb]ra[Tt][Ss]*/", "*/*/[Bb]ra[Tt][Ss]*/", "")
    found: dict[str, Row] = {}
    for place in places:  # of copies that lie loose in the dataset's root, as two archives of 2021 unpack, none is read
        for file in matches(folder, (place + name for name in names)):
            row = _row(file)
            if row is not None:
                found.setdefault(row["case"], row)
    if not found:
        return None
    rows, notes = with_masks([found[name] for name in sorted(found)])
    return Found(rows, (*notes, *not_read(folder, rows, _kind)))


def _row(file: Path) -> Row | None:
    old, new = _OLD.fullmatch(stem(file)), _NEW.fullmatch(stem(file))
    if old:
        case, subject, link, labels = old[1], old[1], "_", "1 2 4"
    elif new:
        case, subject, link, labels = new[1], new[2], "-", "1 2 3 4"
    else:
        return None
    return {
        "case": case,
        "image": str(file.absolute()),
        "brain_mask": brain_mask_beside(file),
        "lesion_mask": nifti(file.parent, f"{case}{link}seg"),
        "subject": subject,
        "pathology": "tumour",
        "lesion_labels": labels,
        "modalities": " ".join(name for name in _MODALITIES if nifti(file.parent, f"{case}{link}{name}")),
    }


def _kind(file: Path) -> str:
    last = re.split(r"[_-]", stem(file))[-1]
    return {"seg": "segmentation", "t1": "T1", "t1n": "T1"}.get(last, last if last in _MODALITIES else "other")
