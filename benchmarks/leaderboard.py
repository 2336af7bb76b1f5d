"""The leaderboard of a benchmark as Markdown: `python benchmarks/leaderboard.py DIR`, DIR having `results.json`.

Prints the blocks of the paper's Table 1 by mean best Dice of each scan with 95 % intervals, parameters and minutes; the
validation losses before and after training; and what follows in words.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pseudohealthy.evaluate.trained import read_trained
from pseudohealthy.report.cells import Cell
from pseudohealthy.report.leaderboard import leaderboard


def shown(cell: Cell) -> str:
    """Mean, bold where it is the best of its column, and interval."""
    mean = f"**{cell.text}**" if cell.best else cell.text
    return f"{mean} ({cell.interval})" if cell.interval else mean


def main(folder: Path) -> None:
    """Print it."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    board = leaderboard(results, read_trained(folder))
    if board is None:
        sys.exit(f"{folder}: no methods.json, or no test set with lesions")
    print("| method | " + " | ".join(board.columns) + " | parameters | minutes |")
    print("|---|" + "---|" * (len(board.columns) + 2))
    for block, rows in board.blocks.items():
        print(f"| *{block}* |" + " |" * (len(board.columns) + 2))
        for row in rows:
            dice = row.cells[::2]  # ⌈Dice⌉ and AUPRC take turns
            print(f"| `{row.name}` | " + " | ".join(map(shown, dice)) + f" | {row.parameters} | {row.minutes} |")
    print("\n| network | loss, untrained | trained | fall |\n|---|---|---|---|")
    for one in board.learned:
        print(f"| `{one.name}` | {one.before} | {one.after} | {one.fall}{' (little)' if one.little else ''} |")
    print()
    for sentence in board.sentences:
        print(f"- {sentence}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
