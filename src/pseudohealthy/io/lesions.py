"""Lesion masks: what a file's labels mean is said by its case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pseudohealthy.io.cohort import Case
from pseudohealthy.io.volume import Volume, read_labels

LESION = 1
IGNORED = 2


@dataclass(frozen=True, eq=False)
class LesionMask:
    """What is known to be lesion, and what is left out.

    Attributes:
        lesion: Bool, on the scan's grid.
        ignored: Bool, on the same grid: neither lesion nor healthy. It leaves the loss, the hits and the false alarms.
    """

    lesion: Volume
    ignored: Volume

    def labels(self) -> Volume:
        """Both in one image, uint8: 0, `LESION` and `IGNORED`."""
        data = np.where(self.ignored.data, IGNORED, self.lesion.data * LESION)
        return self.lesion.like(data.astype(np.uint8))


def read_lesion_mask(case: Case, like: Volume) -> LesionMask | None:
    """Read a case's lesion mask on the grid of its scan, or None where it has none. It may be empty.

    Args:
        case: It names the file, and the labels that are lesion and that are ignored.
        like: The scan.

    Raises:
        ImageError: A value that is neither 0 nor one of the case's labels, another grid, or no usable file.
    """
    if case.lesion_mask is None:
        return None
    fix = "Binarise it, or say what its values mean in the columns 'lesion_labels' and 'ignored_labels' of cohort.tsv."
    labels = read_labels(case.lesion_mask, like, "lesion mask", (*case.lesion_labels, *case.ignored_labels), fix)
    return LesionMask(
        labels.like(np.isin(labels.data, case.lesion_labels)), labels.like(np.isin(labels.data, case.ignored_labels))
    )
