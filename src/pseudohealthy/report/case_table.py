"""The table of single scans on a page of results: one method at a time; the page's script sorts it anew."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from pseudohealthy.evaluate.table import CaseResult
from pseudohealthy.report.cells import NONE, number
from pseudohealthy.report.failures import DICE, FALSE_ML, RULE, failed, quality
from pseudohealthy.report.names import CONTROLS
from pseudohealthy.report.page import asset

_MAIN = "sadm_res"

COLUMNS = {
    "lesion_ml": ("Lesion, ml", 1),
    "dice_oracle": ("⌈Dice⌉", 3),
    "auprc": ("AUPRC", 3),
    "dice": ("Dice", 3),
    "lesion_sensitivity": ("Lesions found", 2),
    "volume_ml": ("Marked, ml", 1),
    "fp_ml": ("False, ml", 1),
    "false_lesions": ("False findings", 0),
    "hd95_mm": ("HD95, mm", 1),
}
"""Metric -> head of its column and digits after the point."""


@dataclass(frozen=True)
class CaseRow:
    """One scan.

    Attributes:
        test_set: Pathology.
        case: Name of the scan.
        subject: Who was scanned.
        failed: Whether it is a failure.
        page: Address of its case page, or empty.
        cells: (value, text) by column; (None, dash) where undefined.
    """

    test_set: str
    case: str
    subject: str
    failed: bool
    page: str
    cells: list[tuple[float | None, str]]


@dataclass(frozen=True)
class CaseTable:
    """What a template puts into the page.

    Attributes:
        row: Method that is shown at first.
        rows: All methods.
        heads: Heads of the metrics' columns.
        cases: Scans of the first method, worst first.
        sets: Test sets.
        several: Whether scans of several seeds are told apart by a number before the name.
        rule: What counts as a failure, in words.
        data: JSON for the script.
        tsv: The whole `cases.tsv`, compressed, as text.
        program: The script.
        policy: Its SHA-256, as a source of the Content-Security-Policy.
    """

    row: str
    rows: list[str]
    heads: list[str]
    cases: list[CaseRow]
    sets: list[str]
    several: bool
    rule: str
    data: Markup
    tsv: Markup
    program: Markup
    policy: Markup


def case_table(cases: Sequence[CaseResult], tsv: bytes, row: str | None, pages: Mapping[str, str]) -> CaseTable | None:
    """Prepare the table; None without scans.

    Args:
        cases: The per-case table; the scans' own grids are shown.
        tsv: The same as a file, for download.
        row: Method that is shown at first; where the table does not have it, `sadm_res`, or else its last one.
        pages: Case -> path of its page, relative to this one's.
    """
    native = [case for case in cases if case.grid == "native"]
    rows = list(dict.fromkeys(case.row for case in native))
    if not rows:
        return None
    shown = next((name for name in (row, _MAIN) if name in rows), rows[-1])
    links = {case: quote(path) for case, path in pages.items()}
    about = {
        "columns": [{"key": key, "head": head, "digits": digits} for key, (head, digits) in COLUMNS.items()],
        "pages": links,
        "controls": CONTROLS,
        "failure": {"dice": DICE, "fp_ml": FALSE_ML},
    }
    program = asset("cases.js")
    return CaseTable(
        row=shown,
        rows=rows,
        heads=[head for head, _ in COLUMNS.values()],
        cases=[_row(case, links) for case in worst_first([case for case in native if case.row == shown])],
        sets=list(dict.fromkeys(case.test_set for case in native)),
        several=any("/" in case.case for case in native),
        rule=RULE,
        data=Markup(json.dumps(about, ensure_ascii=False).replace("<", "\\u003c")),
        tsv=Markup(base64.b64encode(gzip.compress(tsv, compresslevel=9, mtime=0)).decode()),
        program=Markup(program),
        policy=Markup(f"'sha256-{base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()}'"),
    )


def worst_first(cases: Sequence[CaseResult]) -> list[CaseResult]:
    """Scans with lesions before healthy and sham ones, each kind by `failures.quality`."""
    return sorted(cases, key=lambda case: (case.test_set in CONTROLS, quality(case.test_set, case.metrics)))


def _row(case: CaseResult, links: Mapping[str, str]) -> CaseRow:
    cells: list[tuple[float | None, str]] = []
    for key, (_, digits) in COLUMNS.items():
        value = case.metrics.get(key)
        cells.append((value, NONE if value is None else number(value, digits)))
    is_failure = failed(case.test_set, case.metrics)
    return CaseRow(case.test_set, case.case, case.subject, is_failure, links.get(case.case, ""), cells)
