"""Something small for the pages' blocks to work on: made brains, and a model that two training steps made of them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from conftest import make_brain
from made_cohort import with_folds, write_made_cohort
from pseudohealthy.api import AnomalySegmenter
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.table import write_table
from pseudohealthy.io.volume import read_volume, write_volume

OUTPUTS = Path(__file__).parents[2] / "docs" / "reference" / "outputs.md"


@lru_cache(maxsize=1)
def _made() -> tuple[Path, Cohort]:
    folder = Path(tempfile.mkdtemp(prefix="pseudohealthy-docs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "scans").mkdir()
    cohort = write_made_cohort(folder / "scans")
    AnomalySegmenter("smoke").fit(cohort, folder / "run").calibrate(cohort).save(folder / "model")
    return folder, cohort


def model(to: str) -> None:
    """A calibrated model folder."""
    shutil.copytree(_made()[0] / "model", to)


def dataset(to: str) -> None:
    """Scans with lesion masks and a `cohort.tsv` that has every split."""
    shutil.copytree(_made()[0] / "scans", to)


def scan(to: str, number: int = -1) -> None:
    """One stripped scan, of a patient unless another number is given, as a file of this name."""
    Path(to).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_made()[1][number].image, to)


def whole_head(to: str) -> None:
    """A scan whose background is not 0."""
    image = read_volume(_made()[1][0].image)
    write_volume(image.like(image.data + 1), to)


def dicom(to: str, number: int = 3) -> None:
    """A stripped scan as a DICOM series."""
    from made_dicom import LPS, write_series

    write_series(Path(to), make_brain(LPS * 5.0), number=number)


def brain_mask(to: str) -> None:
    """The brain mask of all made scans."""
    image = read_volume(_made()[1][0].image)
    write_volume(image.like(image.data != 0), to)


def bids(to: str, subjects: int, *, ill: bool, prefix: str) -> None:
    """A BIDS dataset without splits: healthy people, or patients with lesion masks in `derivatives/`."""
    cohort = write_made_cohort(Path(to) / "scratch", {"train": ("ball" if ill else "healthy", subjects)})
    for number, case in enumerate(cohort, 1):
        name = f"sub-{prefix}{number:02d}"
        image = Path(to) / name / "anat" / f"{name}_T1w.nii.gz"
        image.parent.mkdir(parents=True)
        write_volume(with_folds(read_volume(case.image), seed=number + 100 * ill), image)
        if case.lesion_mask is not None:
            mask = Path(to) / "derivatives" / "lesions" / name / "anat" / f"{name}_label-L_mask.nii.gz"
            mask.parent.mkdir(parents=True)
            case.lesion_mask.rename(mask)
    shutil.rmtree(Path(to) / "scratch")
    pathology = "tumour" if ill else "healthy"
    rows = [{"participant_id": f"sub-{prefix}{n:02d}", "group": pathology} for n in range(1, subjects + 1)]
    write_table(Path(to) / "participants.tsv", ["participant_id", "group"], rows)


def undocumented(folder: str, case: str = "sub-01") -> set[str]:
    """Files below a folder whose names, with `sub-01` for the case, do not stand in the page of outputs.

    Pictures are numbered: of them the page names the folder.
    """
    page = OUTPUTS.read_text(encoding="utf-8")
    names = {file.name.replace(case, "sub-01") for file in Path(folder).rglob("*") if file.is_file()}
    names = {"pictures/" if name.startswith(("slice-", "case-")) and name.endswith(".webp") else name for name in names}
    return {name for name in names if name not in page}
