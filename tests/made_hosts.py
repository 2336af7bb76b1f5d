"""Hosts for tests: virtual healthy people as if they were real scans, with label maps, and balls as patients' masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pseudohealthy.io.files import write_text
from pseudohealthy.io.volume import Volume, write_volume
from pseudohealthy.virtual.scan import make_scan

CENTRES_MM = ((28, -20, 30), (-30, 5, 28), (30, 10, 25), (-28, -35, 30), (26, -50, 25), (-30, 20, 15))  # white matter


def write_hosts(folder: Path, n: int, spacing_mm: float = 3.0) -> Path:
    """A BIDS dataset of skull-stripped scans `sub-H1`, ... with `desc-tissue` label maps, and the people's ages."""
    for number in range(1, n + 1):
        scan = make_scan(500 + number, "healthy", spacing_mm)
        canvas, name = scan.painted.shape.canvas, f"sub-H{number}"
        labels = np.zeros(scan.image.shape, np.uint8)
        labels[scan.window] = (1 + np.argmax([canvas.csf, canvas.gm, canvas.wm], axis=0)) * canvas.brain
        write_volume(scan.image, folder / name / "anat" / f"{name}_T1w.nii.gz")
        labels_file = folder / "derivatives" / "labels" / name / "anat" / f"{name}_desc-tissue_dseg.nii.gz"
        write_volume(scan.image.like(labels), labels_file)
    people = [f"sub-H{number}\t{20 + 10 * number}\thealthy" for number in range(1, n + 1)]
    write_text(folder / "participants.tsv", "\n".join(["participant_id\tage\tgroup", *people, ""]))
    return folder


def write_masks(folder: Path, n: int, radius_mm: float = 9.0) -> Path:
    """Balls in MNI152 space as `patient1_lesion.nii.gz`, ..."""
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (90, -126, -72)
    grid = np.stack(np.indices((91, 109, 91)), axis=-1) @ affine[:3, :3].T + affine[:3, 3]
    for number in range(1, n + 1):
        ball = np.linalg.norm(grid - CENTRES_MM[(number - 1) % len(CENTRES_MM)], axis=-1) <= radius_mm + 0.3 * number
        write_volume(Volume(ball.astype(np.uint8), affine), folder / f"patient{number}_lesion.nii.gz")
    return folder
