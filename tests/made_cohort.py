"""A cohort of made brains with dark balls, for tests that need files and splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from conftest import make_brain, world_mm
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import Case, Cohort, write_cohort
from pseudohealthy.io.volume import Volume, write_volume

SPACING_MM = (5.0, 5.0, 5.0)
PLAN = {
    "train": ("healthy", 3),
    "validation": ("healthy", 1),
    "annotated": ("ball", 2),
    "calibration": ("healthy", 2),
    "test": ("ball", 2),
}
"""split -> (pathology, scans)"""


def with_ball(brain: Volume, centre_mm: tuple[float, float, float], radius_mm: float = 20.0) -> tuple[Volume, Volume]:
    """The brain with a dark ball, and the ball's mask."""
    distance = np.linalg.norm(world_mm(brain) - np.reshape(centre_mm, (3, 1, 1, 1)), axis=0)
    ball = (distance < radius_mm) & (brain.data != 0)
    return brain.like(np.where(ball, 350.0, brain.data).astype(np.float32)), brain.like(ball)


def with_folds(brain: Volume, seed: int) -> Volume:
    """The brain of a person: made brains as such have all the same anatomy."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(brain.shape), 1.2)
    return brain.like((brain.data * (1 + 0.2 * field / field.std())).astype(np.float32))


def write_made_cohort(folder: Path, plan: dict[str, tuple[str, int]] = PLAN) -> Cohort:
    """Write the cohort's files and its table."""
    cases, seed = [], 0
    for split, (pathology, count) in plan.items():
        for _ in range(count):
            name = f"sub-{seed:02d}"
            image, mask = make_brain(SPACING_MM, seed=seed), None
            if pathology == "ball":
                image, lesion = with_ball(image, (30.0 * (-1) ** seed, 10.0, 20.0))
                mask = folder / f"{name}_label-L_mask.nii.gz"
                write_volume(lesion, mask)
            path = folder / f"{name}_T1w.nii.gz"
            write_volume(image, path)
            cases.append(Case(name, path, None, mask, name, split=split, pathology=pathology))
            seed += 1
    write_cohort(Cohort(cases), folder / "cohort.tsv")
    return discover([folder / "cohort.tsv"])
