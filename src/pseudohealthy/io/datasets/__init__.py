"""Public datasets as they are downloaded: which files are scans, what their labels mean, who the people are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.io.datasets.atlas import find_atlas
from pseudohealthy.io.datasets.base import Found
from pseudohealthy.io.datasets.brats import find_brats
from pseudohealthy.io.datasets.ixi import find_ixi
from pseudohealthy.io.datasets.mslub import find_mslub
from pseudohealthy.io.datasets.wmh import find_wmh

DATASETS: dict[str, Callable[[Path], Found | None]] = {
    "IXI": find_ixi,
    "BraTS": find_brats,
    "ATLAS": find_atlas,
    "MSLUB": find_mslub,
    "WMH": find_wmh,
}
"""Name -> a function that finds the dataset in a folder, or returns None where the folder holds something else."""


def find_dataset(folder: Path) -> tuple[str, Found] | None:
    """Name and content of the known dataset in a folder; None where it holds none.

    Raises:
        CohortError: The folder holds two of them, or one that cannot be used as it is.
    """
    # Of these only ATLAS has folders of subjects as BIDS has; in a large BIDS dataset the others need not look.
    names = ["ATLAS"] if any(folder.glob("sub-*")) else list(DATASETS)
    found = {name: content for name in names if (content := DATASETS[name](folder)) is not None}
    if len(found) > 1:
        raise CohortError(
            folder, found=" and ".join(found), needed="one dataset", fix="Give the folder of each dataset by itself."
        )
    return next(iter(found.items()), None)
