"""From cases to the table: one case a row in a TSV, means with intervals in `results.json`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from pseudohealthy.errors import CohortError
from pseudohealthy.evaluate.statistics import Estimate, ScanScores, bootstrap_auroc, bootstrap_mean
from pseudohealthy.io.files import write_text

UNDEFINED = "n/a"  # as in BIDS tables
_COLUMNS = ("row", "test_set", "case", "subject", "grid")
_SIGNED = ("volume_error_ml", "excess_over_twin")  # metrics that can be below 0
_MODEL = "model"  # one more column where several models of one row are in a table

Cell: TypeAlias = dict[str, float | int | list[float] | None]
Results: TypeAlias = dict[str, dict[str, Cell]]


@dataclass(frozen=True)
class CaseResult:
    """The metrics of one scan under one method.

    Attributes:
        row: Method: `constant`, `zmap`, `cddpm`, `unet`, `unet_res`, `sadm`, `sadm_res`, ...
        test_set: `tumour`, `stroke`, ..., `healthy`, `sham`.
        case: Name of the scan; the same name again is the same scan under another model seed.
        subject: Who was scanned: the unit of resampling. One name is one person, across cohorts too.
        grid: `native` or `model`: the grid that the metrics were counted on.
        metrics: Metric -> value, None where undefined.
        model: In an experiment of several models of one row, which of them scored it: its seed and fold.

    Raises:
        ValueError: A metric is NaN or infinite.
    """

    row: str
    test_set: str
    case: str
    subject: str
    grid: str
    metrics: Mapping[str, float | None]
    model: str = ""

    def __post_init__(self) -> None:
        for name, value in self.metrics.items():
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} is {value}: an undefined metric is None")


def summarise(
    cases: Sequence[CaseResult], *, seed: int = 0, grid: str = "native", healthy_set: str = "healthy"
) -> Results:
    """Means over subjects with 95 % intervals.

    Args:
        cases: Any order; rows and test sets keep the order of their first case.
        seed: Seed of the resampling.
        grid: Grid to summarise; never a mixture.
        healthy_set: Test set of healthy scans, that `image_auroc` compares the others with.

    Returns:
        {row: {test_set: {"n": scans, metric: mean, metric + "_ci": [low, high], metric + "_n": scans where it is
        defined, ...}}}, ready for JSON: undefined is None, as is an interval with fewer than two subjects.
    """
    groups: dict[str, dict[str, list[CaseResult]]] = {}
    for case in cases:
        if case.grid == grid:
            groups.setdefault(case.row, {}).setdefault(case.test_set, []).append(case)
    results: Results = {}
    for row, sets in groups.items():
        results[row] = {}
        for test_set, members in sets.items():
            subjects = [case.subject for case in members]
            cell: Cell = {"n": len({case.case for case in members})}
            for metric in dict.fromkeys(name for case in members for name in case.metrics):
                values = [case.metrics.get(metric) for case in members]
                defined = {case.case for case, value in zip(members, values, strict=True) if value is not None}
                _enter(cell, metric, in_range(metric, bootstrap_mean(values, subjects, seed)), len(defined))
            healthy = [] if test_set == healthy_set else sets.get(healthy_set, [])
            _enter_image_auroc(cell, members, healthy, seed)
            results[row][test_set] = cell
    return results


def in_range(metric: str, estimate: Estimate) -> Estimate:
    """An estimate whose interval keeps to the values that its metric can have."""
    if metric in _SIGNED:
        return estimate
    return estimate.within(0.0, math.inf if metric.endswith(("_ml", "_mm")) or metric == "false_lesions" else 1.0)


def write_cases(cases: Sequence[CaseResult], path: Path) -> None:
    """Write one case a row (TSV, undefined is n/a), numbers with all their digits; the models where they have names."""
    names = list(dict.fromkeys(name for case in cases for name in case.metrics))
    models = any(case.model for case in cases)
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow([*_COLUMNS, *([_MODEL] if models else []), *names])
    for case in cases:
        values = (case.metrics.get(name) for name in names)
        writer.writerow(
            [case.row, case.test_set, case.case, case.subject, case.grid]
            + ([case.model] if models else [])
            + [UNDEFINED if value is None else repr(float(value)) for value in values]
        )
    write_text(path, text.getvalue())


def read_cases(path: Path) -> list[CaseResult]:
    """Read what `write_cases` wrote.

    Raises:
        CohortError: The table is missing, lacks a column or holds something else than numbers.
    """
    needed = f"a table with the columns {', '.join(_COLUMNS)} and a number or {UNDEFINED} in every other column"
    fix = "Give the folder that 'evaluate' wrote."
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise CohortError(path, found="no readable table", needed=needed, fix=fix) from error
    width = len(_COLUMNS)
    if not lines or tuple(lines[0][:width]) != _COLUMNS:
        raise CohortError(path, found=f"columns {', '.join(lines[0]) if lines else '(none)'}", needed=needed, fix=fix)
    first = width + (lines[0][width : width + 1] == [_MODEL])
    names = lines[0][first:]
    cases = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            values = [None if value == UNDEFINED else float(value) for value in line[first:]]
            row, test_set, case, subject, grid = line[:width]
            metrics, model = dict(zip(names, values, strict=True)), "".join(line[width:first])
            cases.append(CaseResult(row, test_set, case, subject, grid, metrics, model))
        except ValueError as error:
            raise CohortError(path, found=f"{error} in line {number}", needed=needed, fix=fix) from error
    return cases


def scored_by(cases: Sequence[CaseResult], model: str) -> list[CaseResult]:
    """The cases with the name of the model that scored them."""
    return [replace(case, model=model) for case in cases]


def _enter_image_auroc(cell: Cell, members: Sequence[CaseResult], healthy: Sequence[CaseResult], seed: int) -> None:
    """Scan score = volume above the threshold (rule 5); scans without one (no stored threshold) are left out."""
    ill, well = ([case for case in group if case.metrics.get("volume_ml") is not None] for group in (members, healthy))
    _enter(cell, "image_auroc", bootstrap_auroc(_volumes(ill), _volumes(well), seed), len({case.case for case in ill}))


def _volumes(cases: Sequence[CaseResult]) -> ScanScores:
    volumes = [volume for case in cases if (volume := case.metrics["volume_ml"]) is not None]
    return ScanScores(volumes, [case.subject for case in cases], [case.model for case in cases])


def _enter(cell: Cell, metric: str, estimate: Estimate, n: int) -> None:
    cell[metric] = estimate.mean
    cell[f"{metric}_ci"] = None if estimate.interval is None else list(estimate.interval)
    cell[f"{metric}_n"] = 0 if estimate.mean is None else n
