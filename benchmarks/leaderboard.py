"""The leaderboard of a benchmark as Markdown: `python benchmarks/leaderboard.py DIR`, DIR having `results.json`.

Prints the blocks of the paper's Table 1 with parameters and minutes, by mean best Dice of each scan or by AUPRC, with
95 % intervals or without; the validation losses before and after training; and what follows in words.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pseudohealthy.evaluate.trained import read_trained
from pseudohealthy.report.cells import Cell
from pseudohealthy.report.leaderboard import METRICS, leaderboard


def shown(cell: Cell, intervals: bool) -> str:
    """Mean, bold where it is the best of its column, and interval."""
    mean = f"**{cell.text}**" if cell.best else cell.text
    return f"{mean} ({cell.interval})" if intervals and cell.interval else mean


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--metric", choices=METRICS, default=METRICS[0])
    parser.add_argument("--no-intervals", action="store_true", help="means alone, for many test sets")
    args = parser.parse_args()
    results = json.loads((args.folder / "results.json").read_text(encoding="utf-8"))
    board = leaderboard(results, read_trained(args.folder))
    if board is None:
        parser.exit(1, f"{args.folder}: no methods.json, or no test set with lesions\n")
    print("| method | " + " | ".join(board.columns) + " | parameters | minutes |")
    print("|---|" + "---|" * (len(board.columns) + 2))
    for block, rows in board.blocks.items():
        print(f"| *{block}* |" + " |" * (len(board.columns) + 2))
        for row in rows:
            cells = row.cells[METRICS.index(args.metric) :: len(METRICS)]
            means = [shown(cell, not args.no_intervals) for cell in cells]
            print(f"| `{row.name}` | " + " | ".join(means) + f" | {row.parameters} | {row.minutes} |")
    print("\n| network | loss, untrained | trained | fall |\n|---|---|---|---|")
    for one in board.learned:
        print(f"| `{one.name}` | {one.before} | {one.after} | {one.fall}{' (little)' if one.little else ''} |")
    print()
    for sentence in board.sentences:
        print(f"- {sentence}")


if __name__ == "__main__":
    main()
