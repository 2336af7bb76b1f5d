"""One line a scan: what the reports of a cohort say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pseudohealthy.io.bids import derivative
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.table import read_table, write_table
from pseudohealthy.score.thresholds import Threshold
from pseudohealthy.workflows.prediction_files import REPORT, made_by

TABLE = "predictions.tsv"
COLUMNS = ("case", "volume_ml", "lesions", "largest_ml", "peak", "brain_ml", "coverage", "threshold", "policy", "row")


def write_prediction_table(cases: Iterable[Case], out: Path) -> None:
    """Write `predictions.tsv` of cases that have a report, in their order."""
    reports = [json.loads(derivative(out, case, REPORT).read_text(encoding="utf-8")) for case in cases]
    write_table(out / TABLE, COLUMNS, [_line(report) for report in reports])


def listed_before(out: Path, cohort: Cohort, model_key: str, threshold: Threshold) -> list[Case]:
    """The cases that `predictions.tsv` lists beside those of a cohort, if the same model and threshold made them."""
    if not (out / TABLE).is_file():
        return []
    now = {case.name for case in cohort}
    names = [row["case"] for row in read_table(out / TABLE, required=["case"]) if row["case"] not in now]
    cases = [case for name in names if derivative(out, case := Case(name, out), REPORT).is_file()]
    return [case for case in cases if made_by(out, case, model_key, threshold)]


def _line(report: dict[str, Any]) -> dict[str, str]:
    lesions = report["lesions"]
    numbers = {
        "volume_ml": report["volume_ml"],
        "lesions": len(lesions),
        "largest_ml": lesions[0]["volume_ml"] if lesions else "",
        "peak": max(lesion["peak"] for lesion in lesions) if lesions else "",
        "brain_ml": report["brain_ml"],
        "coverage": report["coverage"],
        "threshold": report["threshold"]["value"],
    }
    said = {key: f"{value:.6g}" if isinstance(value, float) else str(value) for key, value in numbers.items()}
    return {"case": report["case"], **said, "policy": report["threshold"]["policy"], "row": report["model"]["row"]}
