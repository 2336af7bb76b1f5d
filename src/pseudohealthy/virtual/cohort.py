"""A virtual cohort as a BIDS dataset with brain and lesion masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pseudohealthy
from pseudohealthy.errors import InputError
from pseudohealthy.io.cohort import SPLITS, Case, Cohort, write_cohort
from pseudohealthy.io.files import write_json
from pseudohealthy.io.table import write_table
from pseudohealthy.io.volume import write_volume
from pseudohealthy.virtual.scan import VirtualScan, check, make_scan
from pseudohealthy.virtual.streams import subject_seed

BIDS_VERSION = "1.9.0"


@dataclass(frozen=True)
class Group:
    """Subjects of one pathology on one side of the split.

    Attributes:
        pathology: A name of `PATHOLOGIES`.
        n: How many.
        split: One of io's splits, or "" for none.
    """

    pathology: str
    n: int
    split: str = ""


def simulate(
    out: Path,
    groups: Sequence[Group],
    seed: int,
    spacing_mm: float = 2.0,
    advance: Callable[[], None] | None = None,
) -> Cohort:
    """Make virtual patients and write them; files of the same name are replaced.

    Subject number i is the person of seed (`seed`, i), whatever the pathology and split; no person appears twice.
    Written: `sub-XXXX/anat/sub-XXXX_T1w.nii.gz`, brain masks under `derivatives/masks`, lesion masks (of all but
    `healthy`; `sham` has one) under `derivatives/lesions`, `cohort.tsv`, `participants.tsv`, dataset descriptions.

    Args:
        out: The dataset's root.
        groups: Who is in it, in this order.
        seed: Seed of the cohort.
        spacing_mm: Edge of a voxel.
        advance: Called after each subject.

    Returns:
        The cohort, with the extra columns `seed` and `lesion_ml`.

    Raises:
        InputError: Unknown pathology or split, no subjects, a bad seed or spacing; nothing is written then.
        OutputError: A file cannot be written.
    """
    _check(groups, seed, spacing_mm)
    out = Path(out)
    _describe(out, "images")
    for name in ("masks", "lesions"):
        _describe(out / "derivatives" / name, name)
    cases = []
    members = [group for group in groups for _ in range(group.n)]
    for index, group in enumerate(members):
        scan = make_scan(subject_seed(seed, index), group.pathology, spacing_mm)
        cases.append(_write(out, f"sub-{index + 1:04d}", group, scan))
        if advance is not None:
            advance()
    cohort = Cohort(cases)
    write_cohort(cohort, out / "cohort.tsv")
    columns = ("participant_id", "pathology", "split", "seed", "lesion_ml")
    rows = [{"participant_id": c.name, "pathology": c.pathology, "split": c.split, **c.columns} for c in cohort]
    write_table(out / "participants.tsv", columns, rows)
    return cohort


def _write(out: Path, subject: str, group: Group, scan: VirtualScan) -> Case:
    image = out / subject / "anat" / f"{subject}_T1w.nii.gz"
    brain_mask = out / "derivatives/masks" / subject / "anat" / f"{subject}_desc-brain_mask.nii.gz"
    lesion_mask = out / "derivatives/lesions" / subject / "anat" / f"{subject}_label-L_mask.nii.gz"
    write_volume(scan.image, image)
    write_volume(scan.brain_mask, brain_mask)
    has_lesion = group.pathology != "healthy"
    if has_lesion:
        write_volume(scan.lesion_mask, lesion_mask)
    return Case(
        name=subject,
        image=image,
        brain_mask=brain_mask,
        lesion_mask=lesion_mask if has_lesion else None,
        subject=f"virtual-{scan.seed}",  # the name is the cohort's, the person is the seed's
        mask_source=f"virtual-{scan.seed}" if has_lesion else "",
        # All virtual brains are deformations of one template. Named as their label map it would make every split a
        # leak; it stays empty, and tables say that virtual brains are not independent subjects.
        label_map="",
        split=group.split,
        pathology=group.pathology,
        columns={
            "seed": str(scan.seed),
            "lesion_ml": f"{scan.lesion_mask.data.sum() * scan.lesion_mask.voxel_ml:.3f}",
        },
    )


def _describe(folder: Path, what: str) -> None:
    description: dict[str, object] = {
        "Name": f"Virtual brains from the MNI152 template: {what}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw" if what == "images" else "derivative",
        "GeneratedBy": [{"Name": "pseudohealthy", "Version": pseudohealthy.__version__}],
    }
    write_json(folder / "dataset_description.json", description)


def _check(groups: Sequence[Group], seed: int, spacing_mm: float) -> None:
    for group in groups:
        check(seed, group.pathology, spacing_mm)
        if group.split and group.split not in SPLITS:
            raise InputError(
                "split", found=f"'{group.split}'", needed="one of " + ", ".join(SPLITS), fix="Choose one, or none."
            )
        if group.n < 0:
            raise InputError("number of subjects", found=str(group.n), needed="0 or more", fix="Give another number.")
    if not any(group.n for group in groups):
        raise InputError("cohort", found="no subjects", needed="at least one", fix="Ask for one subject or more.")
