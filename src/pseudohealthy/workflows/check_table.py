"""What a check found, as text: a row a case, then what is wrong in sentences."""

from __future__ import annotations

from collections import defaultdict

from pseudohealthy.workflows.check_cohort import Checked, CheckedCase

_HEADER = ("case", "shape", "mm", "axes", "values", "brain", "lesions", "")
_MOST_NAMES = 8


def as_text(checked: Checked) -> str:
    """The table and the sentences."""
    rows = [_HEADER, *(_row(item) for item in checked.cases)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    errors = [f"{item.case.name}: {error}" for item in checked.cases for error in item.errors]
    said = defaultdict(list)
    for item in checked.cases:
        for remark in item.remarks:
            said[remark].append(item.case.name)
    remarks = [f"{_names(names)}: {remark}" for remark, names in said.items()]
    pairs = [f"{pair}" for pair in checked.pairs]
    for title, sentences in (
        ("Cannot be used", errors),
        ("Same brain under two names: one of the two is a leak, or counted twice", pairs),
        ("Worth a look", remarks),
    ):
        if sentences:
            lines += ["", f"{title}:", *(f"  {sentence}" for sentence in sentences)]
    return "\n".join([*lines, "", _summary(checked)])


def _row(item: CheckedCase) -> tuple[str, ...]:
    facts, mark = item.facts, "unusable" if item.errors else "look" if item.remarks else ""
    lesions = "-" if item.lesions is None else f"{item.lesions}, {item.lesion_ml:.1f} ml"
    if facts is None:
        return (item.case.name, "-", "-", "-", "-", "-", lesions, mark)
    return (
        item.case.name,
        "x".join(map(str, facts.shape)),
        " x ".join(f"{mm:.3g}" for mm in facts.spacing_mm),
        facts.orientation,
        f"{facts.low:.4g} to {facts.high:.4g}",
        "whole head" if facts.brain_ml is None else f"{facts.brain_ml:.0f} ml",
        lesions,
        mark,
    )


def _names(names: list[str]) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def _summary(checked: Checked) -> str:
    count, bad = len(checked.cases), len(checked.unusable)
    odd = sum(bool(item.remarks) and not item.errors for item in checked.cases)
    healthy = sum(item.case.pathology == "healthy" for item in checked.cases)
    masks = sum(item.case.lesion_mask is not None for item in checked.cases)
    subjects = len({item.case.subject for item in checked.cases})
    return (
        f"{count} cases of {subjects} subjects ({masks} with a lesion mask, {healthy} called healthy): "
        f"{bad} cannot be used, {odd} worth a look, {len(checked.pairs)} pairs of the same brain."
    )
