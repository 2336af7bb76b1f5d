"""The leaderboard: which block a row is in, what is told of it."""

from __future__ import annotations

import pytest

from pseudohealthy.evaluate.trained import Trained, pooled
from pseudohealthy.report.cells import NONE
from pseudohealthy.report.leaderboard import block_of, leaderboard

ROWS = ("constant", "zmap", "cddpm", "ae", "draem", "unet_res", "sadm_res", "sadm_res_draem")


@pytest.mark.parametrize(
    ("row", "block"),
    [
        *(("ae", "unsupervised"), ("ddpm_gaussian", "unsupervised"), ("zmap_dark", "no network")),
        *(("draem", "self-supervised"), ("unet_res_draem", "self-supervised"), ("sadm_blobs", "self-supervised")),
        *(("unet", "supervised"), ("nnunet_2d", "supervised"), ("unet_res_population", "supervised")),
        *(("sadm", "combined"), ("sadm_res_input", "combined"), ("sadm_nnunet_2d", "combined")),
    ],
)
def test_rows_stand_in_the_blocks_of_the_papers_table(row: str, block: str) -> None:
    assert block_of(row) == block


def test_it_tells_what_a_row_cost_whether_it_learned_and_what_is_not_above_a_constant() -> None:
    dice = dict(zip(ROWS, (0.1, 0.3, 0.4, 0.05, 0.2, 0.5, 0.6, 0.3), strict=True))
    results = {row: {"tumour": {"n": 3, "dice_oracle": dice[row], "auprc": dice[row]}} for row in ROWS}
    trained = pooled(
        [
            Trained("ae", 2_000_000, 1.0, 0.4, 0.3),
            Trained("ae", 2_000_000, 3.0, 0.4, 0.3),
            Trained("unet_res", 1_000_000, None, 0.2, 0.05),
            Trained("sadm_res", 1_500_000, None, None, None),
            Trained("draem", 1_500_000, None, None, 0.1),
        ]
    )
    board = leaderboard(results, trained)
    assert board is not None
    assert {block: [row.name for row in rows] for block, rows in board.blocks.items()} == {
        "unsupervised": ["ae", "cddpm"],
        "self-supervised": ["draem", "sadm_res_draem"],
        "supervised": ["unet_res"],
        "combined": ["sadm_res"],
        "no network": ["constant", "zmap"],
    }
    ae, cddpm = board.blocks["unsupervised"]
    assert (ae.parameters, ae.minutes, cddpm.minutes) == ("2.00 M", "2.0", NONE)
    assert board.blocks["combined"][0].cells[0].best
    assert [(one.name, one.fall, one.little) for one in board.learned] == [
        ("ae", "25 %", True),
        ("unet_res", "75 %", False),
    ]
    assert "Hardly learned, by a validation loss that fell by less than 30 %: ae." in board.sentences
    assert "How far the validation loss of draem fell is not known." in board.sentences
    assert "Not above a constant score by mean ⌈Dice⌉, on tumour: ae." in board.sentences
    assert leaderboard(results, []) is None
