"""MSLUB: 30 patients with multiple sclerosis from Ljubljana, defaced heads with brain masks; one folder a patient."""

from __future__ import annotations

import re
from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.io.datasets.base import Found, Row, matches, nifti, not_read, stem

_SCAN = re.compile(r"(?:patient\d+_)?T1W")
_PLACES = ("", "patient[0-9]*/", "*/patient[0-9]*/", "*/*/patient[0-9]*/")
_MODALITIES = ("FLAIR", "T1W", "T1WKS", "T2W")  # T1WKS: after contrast agent


def find_mslub(folder: Path) -> Found | None:
    """The T1W scans that are aligned with the FLAIR, on whose grid brain mask and consensus segmentation lie.

    Raises:
        CohortError: Only scans in their own space are there: the lesion masks do not fit them.
    """
    scans = [
        file.absolute()
        for file in matches(folder, (f"{place}*T1W.nii*" for place in _PLACES))
        if _SCAN.fullmatch(stem(file)) and re.fullmatch(r"patient\d+", file.absolute().parent.name)
    ]
    if not scans:
        return None
    rows = [row for file in scans if (row := _row(file))["brain_mask"]]
    if not rows:
        raise CohortError(
            folder,
            found="MSLUB's raw scans (no brain mask beside them), each on a grid of its own",
            needed="those aligned with the FLAIR, on whose grid the lesion masks lie",
            fix="Give the folder with patientXX_T1W.nii.gz and patientXX_brainmask.nii.gz, not the one called 'raw'.",
        )
    bare = [row["case"] for row in rows if not row["lesion_mask"]]
    notes = (f"no consensus_gt for {', '.join(bare)}",) if bare else ()
    return Found(rows, (*notes, *not_read(folder, rows, lambda file: _kind(file, folder))))


def _row(file: Path) -> Row:
    case = file.parent.name

    def beside(name: str) -> str:
        return nifti(file.parent, f"{case}_{name}") or nifti(file.parent, name)

    return {
        "case": case,
        "image": str(file.absolute()),
        "brain_mask": beside("brainmask"),
        "lesion_mask": beside("consensus_gt"),
        "subject": case,
        "pathology": "ms",
        "modalities": " ".join(name for name in _MODALITIES if beside(name)),
    }


def _kind(file: Path, folder: Path) -> str:
    if "raw" in file.relative_to(folder).parts:
        return "raw"
    last = stem(file).split("_")[-1]
    return last if last in _MODALITIES else "other"
