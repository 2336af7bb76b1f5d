"""Small imitations of the public datasets for the pages' blocks: the real names and folders, virtual brains inside.

Heads are stripped, so that no skull-stripping tool is needed; spacing is 4 mm, and `quick.yaml` lies beside them, a
preparation recipe of as coarse voxels, without registration and bias field, so that they are prepared in seconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pseudohealthy.io.volume import write_volume
from pseudohealthy.virtual.scan import VirtualScan, make_scan

SPACING_MM = 4.0


QUICK = "space: brainbox\nspacing_mm: 4\n"


def _scan(seed: int, pathology: str) -> VirtualScan:
    Path("quick.yaml").write_text(QUICK, encoding="utf-8")
    return make_scan(seed, pathology, SPACING_MM)


def ixi(to: str, people: int = 2) -> None:
    """Two healthy people from two hospitals, or up to four, a T2, and the exported spreadsheet."""
    for seed, name in enumerate(("IXI002-Guys-0828", "IXI012-HH-1211", "IXI035-IOP-0873", "IXI050-Guys-0711")[:people]):
        write_volume(_scan(seed, "healthy").image, Path(to, "IXI-T1", f"{name}-T1.nii.gz"))
    write_volume(_scan(0, "healthy").image, Path(to, "IXI-T2", "IXI002-Guys-0828-T2.nii.gz"))
    Path(to, "IXI.csv").write_text('IXI_ID,"SEX_ID (1=m, 2=f)",AGE\n2,2,35.80\n12,1,38.78\n', encoding="utf-8")


def brats(to: str, people: int = 2) -> None:
    """Two patients, or more, with all modalities; the lesion's halves are labels 2 and 4."""
    for seed in range(people):
        scan, name = _scan(seed, "tumour"), f"BraTS2021_{seed:05d}"
        for end in ("flair", "t1", "t1ce", "t2"):
            write_volume(scan.image, Path(to, name, f"{name}_{end}.nii.gz"))
        labels = scan.lesion_mask.data * np.uint8(2)
        labels[:, :, labels.shape[2] // 2 :] *= 2
        write_volume(scan.image.like(labels), Path(to, name, f"{name}_seg.nii.gz"))


def atlas(to: str, people: int = 2) -> None:
    """Two patients of two sites, or the first of them, and one whose mask is hidden."""
    seen = ((0, "r001s001", "Training"), (1, "r009s002", "Training"))[:people]
    for seed, subject, part in (*seen, (2, "r005s001", "Testing")):
        scan, stem = _scan(seed, "stroke"), f"sub-{subject}_ses-1_space-MNI152NLin2009aSym"
        folder = Path(to, part, subject[:4].upper(), f"sub-{subject}", "ses-1", "anat")
        write_volume(scan.image, folder / f"{stem}_T1w.nii.gz")
        if part == "Training":
            write_volume(scan.lesion_mask, folder / f"{stem}_label-L_desc-T1lesion_mask.nii.gz")


def mslub(to: str, people: int = 2) -> None:
    """Two patients, or another number, with brain masks, and their raw scans."""
    for seed in range(people):
        scan, name = _scan(seed, "ms"), f"patient{seed + 1:02d}"
        for end in ("T1W", "T1WKS", "T2W", "FLAIR"):
            write_volume(scan.image, Path(to, name, f"{name}_{end}.nii.gz"))
            write_volume(scan.image, Path(to, name, "raw", f"{name}_{end}.nii.gz"))
        write_volume(scan.brain_mask, Path(to, name, f"{name}_brainmask.nii.gz"))
        write_volume(scan.lesion_mask, Path(to, name, f"{name}_consensus_gt.nii.gz"))


def wmh(to: str, people: int = 2) -> None:
    """Two people of two scanners, or the first of them; that one has other pathology, label 2."""
    for seed, person in enumerate(("training/Utrecht/0", "test/Amsterdam/GE1T5/150")[:people]):
        scan = _scan(seed, "wmh")
        for part in ("orig", "pre"):
            for name in ("3DT1", "FLAIR", "T1"):
                write_volume(scan.image, Path(to, person, part, f"{name}.nii.gz"))
        labels = scan.lesion_mask.data.astype(np.float32)
        other = scan.brain_mask.data & (scan.lesion_mask.data[::-1] | scan.lesion_mask.data[:, ::-1])
        labels[other & (labels == 0)] = 2 * (seed == 0)
        write_volume(scan.image.like(labels), Path(to, person, "wmh.nii.gz"))


def heads(to: str) -> None:
    """A folder of two stripped scans with names that are not BIDS."""
    for seed in (0, 1):
        write_volume(_scan(seed, "healthy").image, Path(to, f"visit-{seed + 1}_T1w.nii.gz"))
