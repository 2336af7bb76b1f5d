"""The leaderboard: all rows in the blocks of the paper's Table 1, with what they cost and whether they learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pseudohealthy.evaluate.published import Agreement, agreements
from pseudohealthy.evaluate.trained import Trained
from pseudohealthy.report.cells import NONE, Cell, Results, column, lesion_sets, number
from pseudohealthy.report.names import BASELINES, ROWS

UNSUPERVISED = ("ae", "vae", "dae", "fae", "rd", "ddpm", "pddpm", "cddpm")
PAINTERS = ("pii", "draem", "disyre")
GENERATORS = ("draem", "blobs", "fpi", "pii", "cutpaste", "dag")
"""What a row that learned from painted anomalies ends with."""
BLOCKS = {
    "unsupervised": "saw healthy scans alone",
    "self-supervised": "saw healthy scans, and anomalies that were painted on them",
    "supervised": "saw annotated lesions; the segmentation network alone",
    "combined": "saw annotated lesions; joined with the reconstruction",
    "no network": "what a method has to beat before it says anything",
}
METRICS = ("dice_oracle", "auprc")
LEAST_FALL = 0.3
"""A network whose validation loss fell by less has hardly learned."""


@dataclass(frozen=True)
class BoardRow:
    """One row.

    Attributes:
        name: As in `results.json`.
        meaning: What it is.
        cells: ⌈Dice⌉ and AUPRC of each test set.
        parameters: As text.
        minutes: Of training, as text.
    """

    name: str
    meaning: str
    cells: list[Cell]
    parameters: str
    minutes: str


@dataclass(frozen=True)
class Learned:
    """Validation loss of a row's network before and after its training, as text; whether it fell too little."""

    name: str
    before: str
    after: str
    fall: str
    little: bool


@dataclass(frozen=True)
class Board:
    """The whole.

    Attributes:
        columns: Test sets with lesions.
        blocks: Block -> its rows; empty ones are left out.
        about: Block -> what its methods have seen.
        learned: Networks that learned, in the table's order.
        sentences: What follows from the tables, in words.
    """

    columns: list[str]
    blocks: dict[str, list[BoardRow]]
    about: dict[str, str]
    learned: list[Learned]
    sentences: list[str]


def block_of(row: str) -> str:
    """The block of Table 1 that a row belongs to."""
    if row in BASELINES:
        return "no network"
    if row in PAINTERS or (row.startswith(("unet", "sadm", "nnunet")) and row.endswith(GENERATORS)):
        return "self-supervised"
    if row.startswith("sadm"):
        return "combined"
    return "unsupervised" if row.split("_")[0] in UNSUPERVISED else "supervised"


def leaderboard(results: Results, trained: Sequence[Trained]) -> Board | None:
    """Make it; None without facts about the trainings, or without lesions to find.

    Args:
        results: {row: {test_set: {metric: mean, metric_ci: [low, high]}}}.
        trained: What each row's training was.
    """
    columns, facts = lesion_sets(results), {one.row: one for one in trained}
    if not facts or not columns:
        return None
    cells = {(name, metric): column(results, name, metric) for name in columns for metric in METRICS}
    blocks: dict[str, list[BoardRow]] = {block: [] for block in BLOCKS}
    for row in sorted(results, key=_place):
        fact = facts.get(row)
        blocks[block_of(row)].append(
            BoardRow(
                row,
                ROWS.get(row, ""),
                [column_cells[row] for column_cells in cells.values()],
                "0" if row in BASELINES else NONE if fact is None else f"{fact.parameters / 1e6:.2f} M",
                "0" if row in BASELINES else NONE if fact is None or fact.minutes is None else f"{fact.minutes:.1f}",
            )
        )
    filled = {block: rows for block, rows in blocks.items() if rows}
    learned = [_learned(facts[row.name]) for rows in filled.values() for row in rows if _has_loss(facts, row.name)]
    unknown = [row.name for rows in filled.values() for row in rows if _fall_is_unknown(facts, row.name)]
    sentences = [*_little(learned, unknown), *_not_above_constant(results, columns)]
    sentences += map(_agreement, agreements(results))
    return Board(columns, filled, {block: BLOCKS[block] for block in filled}, learned, sentences)


def _place(row: str) -> tuple[int, str]:
    """The order of Table 1; rows that it does not have follow by name."""
    order = (*UNSUPERVISED, *PAINTERS, "unet", "unet_res", "sadm", "sadm_res")
    return (order.index(row) if row in order else len(order), row)


def _has_loss(facts: dict[str, Trained], row: str) -> bool:
    return row in facts and facts[row].fall is not None


def _fall_is_unknown(facts: dict[str, Trained], row: str) -> bool:
    return row in facts and facts[row].loss is not None and facts[row].fall is None


def _learned(fact: Trained) -> Learned:
    before, after, fall = fact.untrained_loss or 0.0, fact.loss or 0.0, fact.fall or 0.0
    return Learned(fact.row, number(before, 4), number(after, 4), f"{100 * fall:.0f} %", fall < LEAST_FALL)


def _little(learned: Sequence[Learned], unknown: Sequence[str]) -> list[str]:
    little = [one.name for one in learned if one.little]
    told = [f"How far the validation loss of {', '.join(unknown)} fell is not known."] if unknown else []
    if little:
        few = f"fell by less than {100 * LEAST_FALL:.0f} %: {', '.join(little)}."
        return [f"Hardly learned, by a validation loss that {few}", *told]
    every = "The validation loss of every other network" if unknown else "Every network's validation loss"
    fell = f"{every} fell by {100 * LEAST_FALL:.0f} % or more from its untrained copy's."
    return [fell, *told] if learned else told


def _not_above_constant(results: Results, columns: Sequence[str]) -> list[str]:
    told = []
    for name in columns:
        cells = column(results, name, "dice_oracle")
        bar = cells["constant"].value if "constant" in cells else None
        below = [
            row
            for row, cell in cells.items()
            if row not in BASELINES and bar is not None and cell.value is not None and cell.value <= bar
        ]
        if below:
            told.append(f"{name}: {', '.join(sorted(below, key=_place))}")
    return [f"Not above a constant score by mean ⌈Dice⌉, on {'; on '.join(told)}."] if told else []


def _agreement(found: Agreement) -> str:
    begin = f"On {found.test_set} the order of the {len(found.methods)} unsupervised methods"
    if found.tau is None or found.p is None:
        return f"{begin} is not defined: all have one ⌈Dice⌉."
    return (
        f"{begin} and that of the paper on {found.published}: Kendall's tau = {number(found.tau, 2)} "
        f"(1: the same, 0: unrelated, \N{MINUS SIGN}1: reversed; two-sided p = {found.p:.2f})."
    )
