"""Voxel counts of each scan at a fixed table of thresholds (`counts.tsv`): curves need no scan any more."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import CohortError
from pseudohealthy.evaluate.table import UNDEFINED
from pseudohealthy.io.files import write_text
from pseudohealthy.score.counts import THRESHOLDS, voxels_above

_COLUMNS = ("row", "test_set", "case", "subject", "threshold", "voxel_ml", "lesion", "other")
_HEAD = (*_COLUMNS, *(f"{kind}>{value:g}" for kind in ("tp", "fp") for value in THRESHOLDS.tolist()))


@dataclass(frozen=True, eq=False)
class CaseCounts:
    """One scan under one method, counted inside the brain mask on the scan's own grid.

    Attributes:
        row: Method.
        test_set: Test set.
        case: Name of the scan.
        subject: Who was scanned.
        threshold: The stored threshold; None where the row has none.
        voxel_ml: Volume of a voxel.
        lesion: Voxels of the reference mask.
        other: The brain's other voxels.
        tp: (64,) lesion voxels above each of `score.counts.THRESHOLDS`; the rest of the lesion is missed there.
        fp: (64,) other voxels above each.
    """

    row: str
    test_set: str
    case: str
    subject: str
    threshold: float | None
    voxel_ml: float
    lesion: int
    other: int
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]


def count(
    names: tuple[str, str, str, str],
    threshold: float | None,
    voxel_ml: float,
    score: NDArray[np.floating[Any]],
    lesion: NDArray[np.bool_] | None,
    brain_mask: NDArray[np.bool_],
) -> CaseCounts:
    """Count one scan.

    Args:
        names: Row, test set, case, subject.
        threshold: Stored threshold.
        voxel_ml: Volume of a voxel.
        score: Anomaly score, 3-D.
        lesion: Reference mask, or None for a healthy scan.
        brain_mask: bool, same shape.
    """
    values = score[brain_mask]
    ill = np.zeros(values.shape, np.bool_) if lesion is None else lesion[brain_mask]
    inside, outside = values[ill], values[~ill]
    return CaseCounts(
        *names, threshold, voxel_ml, inside.size, outside.size, voxels_above(inside), voxels_above(outside)
    )


def write_counts(counts: Sequence[CaseCounts], path: Path) -> None:
    """Write one line for each scan and row: TSV, 64 counts of lesion voxels (`tp>0.5`) and 64 of others (`fp>0.5`)."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(_HEAD)
    for one in counts:
        stored = UNDEFINED if one.threshold is None else repr(one.threshold)
        names = (one.row, one.test_set, one.case, one.subject)
        writer.writerow([*names, stored, repr(one.voxel_ml), one.lesion, one.other, *one.tp.tolist(), *one.fp.tolist()])
    write_text(path, text.getvalue())


def read_counts(path: Path) -> list[CaseCounts]:
    """Read what `write_counts` wrote.

    Raises:
        CohortError: The table is missing, has other thresholds, or holds something else than counts.
    """
    needed = f"a table with the columns {', '.join(_COLUMNS)} and counts at {len(THRESHOLDS)} thresholds"
    fix = "Give the folder that 'evaluate' of this version wrote."
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise CohortError(path, found="no readable table", needed=needed, fix=fix) from error
    if not lines or tuple(lines[0]) != _HEAD:
        raise CohortError(path, found="other columns or thresholds", needed=needed, fix=fix)
    try:
        return [_case(line) for line in lines[1:]]
    except ValueError as error:
        raise CohortError(path, found=str(error), needed=needed, fix=fix) from error


def _case(line: Sequence[str]) -> CaseCounts:
    if len(line) != len(_HEAD):
        raise ValueError(f"{len(line)} instead of {len(_HEAD)} cells in a line")
    row, test_set, case, subject, stored, voxel_ml, lesion, other, *counts = line
    tp, fp = np.array(counts, dtype=np.int64).reshape(2, len(THRESHOLDS))
    threshold = None if stored == UNDEFINED else float(stored)
    return CaseCounts(row, test_set, case, subject, threshold, float(voxel_ml), int(lesion), int(other), tp, fp)
