"""What was done and what was found, in plain sentences that follow from the numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pseudohealthy.report.cells import NONE, Results, column, lesion_sets, number, signed, size_of, test_sets
from pseudohealthy.report.names import BASELINES, CONTROLS, metric_label

if TYPE_CHECKING:
    from pseudohealthy.evaluate.verdicts import Verdict

_MARKS = {"holds": "✓", "fails": "✗", "undecided": "?", "not informative": "○"}
SECTIONS = ("Main claims", "Further comparisons", "Controls: nothing to find")
_MAIN = "claim "  # how the claims of the paper begin


@dataclass(frozen=True)
class Finding:
    """One verdict as a cell: mark, word, effect and interval, and the whole sentence."""

    mark: str
    word: str
    effect: str
    interval: str
    n: int
    sentence: str

    @property
    def kind(self) -> str:
        """The word as a style's name."""
        return self.word.replace(" ", "-")


@dataclass(frozen=True)
class Claim:
    """One claim and its findings by test set."""

    text: str
    metric: str
    section: str
    findings: dict[str, Finding]


def claims(verdicts: Sequence[Verdict]) -> list[Claim]:
    """Verdicts grouped by claim, the paper's own claims first."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(verdict.claim, []).append(verdict)
    made = [
        Claim(
            text[:1].upper() + text[1:] if text.startswith(_MAIN) else text,
            ", ".join(dict.fromkeys(metric_label(verdict.metric) for verdict in group)),
            _section(group),
            {verdict.test_set: _finding(verdict) for verdict in group},
        )
        for text, group in groups.items()
    ]
    return sorted(made, key=lambda claim: SECTIONS.index(claim.section))


def done(results: Results) -> str:
    """What was compared, and on what."""
    sets = test_sets(results)
    scans = ", ".join(f"{name} ({size_of(results, name)})" for name in sets)
    total = sum(size_of(results, name) for name in sets)
    networks = [row for row in results if row not in BASELINES]
    text = f"{_count(len(networks), 'method')} scored {_count(total, 'test scan')}: {scans}."
    if len(networks) < len(results):
        text += f" {_count(len(results) - len(networks), 'baseline')} without any network did the same."
    return text


def found(
    results: Results, verdicts: Sequence[Verdict], main_row: str | None, *, tested: bool = False, failures: str = ""
) -> list[str]:
    """What came out: the claims, the best rows, the sets where networks do not help, false alarms.

    Args:
        results: The table.
        verdicts: Claims, each set by itself.
        main_row: Row of the pictures, of which false alarms are told.
        failures: How often the main row fails, told first; may be empty.
        tested: The claims stand above in a table of their own, tested; then they are not told again by set.
    """
    sentences = [*([failures] if failures else []), *_told(results, verdicts, tested=tested)]
    sets = lesion_sets(results)
    tops = []
    for name in sets:
        best = [(row, cell) for row, cell in column(results, name, "dice_oracle").items() if cell.best]
        if best:
            tops.append(f"{name} {best[0][1].text} ({best[0][0]})")
    if tops:
        sentences.append(f"Highest mean ⌈Dice⌉: {'; '.join(tops)}.")
    lost = [name for name in sets if _baselines_win(results, name)]
    if lost:
        sentences.append(
            f"On {_listed(lost)} no network's mean ⌈Dice⌉ is above the best baseline: what the networks add there is "
            "not shown."
        )
    alarms = []
    for name in ("healthy", "sham"):
        cell = column(results, name, "fp_ml").get(main_row or "")
        if cell is not None and cell.value is not None:
            alarms.append(f"{cell.text} ml on {name} scans")
    if alarms:
        sentences.append(f"At its stored threshold {main_row} marks without cause, on average: {', '.join(alarms)}.")
    return sentences


def _section(group: Sequence[Verdict]) -> str:
    if group[0].claim.startswith(_MAIN):
        return SECTIONS[0]
    return SECTIONS[2] if all(verdict.test_set in CONTROLS for verdict in group) else SECTIONS[1]


def _finding(verdict: Verdict) -> Finding:
    written = number if verdict.metric == "auroc" else signed  # of a control it is the mean itself, no difference
    effect = NONE if verdict.effect is None else written(verdict.effect)
    interval = "" if verdict.ci is None else f"{written(verdict.ci[0])} to {written(verdict.ci[1])}"
    return Finding(_MARKS.get(verdict.verdict, "?"), verdict.verdict, effect, interval, verdict.n, verdict.sentence)


def _told(results: Results, verdicts: Sequence[Verdict], *, tested: bool) -> list[str]:
    """Each main claim with its verdicts, then what else fails, rows of one claim together."""
    sentences = []
    failing: dict[tuple[str, str], list[str]] = {}
    for claim in claims(verdicts):
        places: dict[str, list[str]] = {}
        for name, finding in claim.findings.items():
            places.setdefault(finding.word, []).append(name)
        if claim.section == SECTIONS[0]:
            if tested:
                continue
            told = "; ".join(f"{word} on {_listed(places[word])}" for word in _MARKS if word in places)
            sentences.append(f"{claim.text}: {told}.")
        elif "fails" in places:
            row, _, rest = claim.text.partition(" ")
            text, row = (rest, row) if row in results else (claim.text, "")
            if row not in BASELINES:
                failing.setdefault((text, _listed(places["fails"])), []).append(row)
    if failing:
        quoted = "\N{LEFT DOUBLE QUOTATION MARK}{}\N{RIGHT DOUBLE QUOTATION MARK}"
        parts = [
            quoted.format(text) + (f" for {_listed(rows)}" if rows != [""] else "") + f" ({where})"
            for (text, where), rows in failing.items()
        ]
        sentences.append(f"What fails: {'; '.join(parts)}.")
    return sentences


def _baselines_win(results: Results, name: str) -> bool:
    cells = column(results, name, "dice_oracle")
    networks = [cell for row, cell in cells.items() if row not in BASELINES and cell.value is not None]
    return bool(networks) and all(cell.beaten for cell in networks)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
