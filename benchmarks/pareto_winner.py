"""The student against its teacher, once, on people that nothing was tuned on.

    python benchmarks/pareto_winner.py RUN/seed-1 --fold 0 --trained DIR --out FILE.tsv

RUN and `--trained DIR` are the folders of `pareto.py`, which has trained both. The people are those that the fold
tests, one scan of every set each. Paired differences of the fused score, over people, with 95 % bootstrap intervals. A
killed run goes on with the next scan.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from pareto import CHOICES, Work, trained
from trials import sides_of

from pseudohealthy.evaluate.statistics import bootstrap_mean
from pseudohealthy.io.table import read_table, write_table
from pseudohealthy.stages.compute import ready
from pseudohealthy.stages.run_folder import RunFolder

PAIR = ("student", "3 t, Stage II once")


def main() -> None:
    """Score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--annotated", default="tumour")
    parser.add_argument("--trained", type=Path, required=True)
    parser.add_argument("--student-steps", type=int, default=300)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    sides = sides_of(args.folder, args.fold, args.annotated)
    folder, run = args.folder / f"fold-{args.fold}", RunFolder(args.trained)
    models = trained(folder, sides.cohort, run, student_steps=args.student_steps, coarse=False)
    networks = {name: ready(model, torch.device("cpu")) for name, model in models.items()}
    work = Work(networks, networks["student"].reconstructor, [one for one in CHOICES if one.name in PAIR])
    found = list(read_table(args.out)) if args.out.exists() else []
    done = {row["case"] for row in found}
    for case in sides.tested:
        if case.name not in done:
            found += work.found(case)
            write_table(args.out, list(found[0]), found)
    subject_of = {case.name: case.subject for case in sides.tested}
    sets = [name for name in dict.fromkeys(row["set"] for row in found) if name != "sham"]
    for metric in ("auprc", "dice_oracle"):
        print(f"\n| {metric}, fused | {' | '.join(PAIR)} | difference (95 %) |\n|---|---|---|---|")
        for label, of_sets in [*((name, [name]) for name in sets), ("mean", sets)]:
            values = [_by_person(found, choice, of_sets, metric, subject_of) for choice in PAIR]
            people = sorted(values[0])
            apart = bootstrap_mean([values[0][one] - values[1][one] for one in people], people, 0)
            low, high = apart.interval or (float("nan"), float("nan"))
            means = " | ".join(f"{np.mean(list(each.values())):.3f}" for each in values)
            print(f"| {label} | {means} | {apart.mean:+.3f} ({low:+.3f} to {high:+.3f}) |")


def _by_person(
    found: list[dict[str, str]], choice: str, sets: list[str], metric: str, subject_of: dict[str, str]
) -> dict[str, float]:
    """Person -> the mean over sets of the fused score's metric."""
    of = [row for row in found if row["row"] == f"{choice}: fused" and row["set"] in sets]
    people = dict.fromkeys(subject_of[row["case"]] for row in of)
    return {
        person: float(np.mean([float(row[metric]) for row in of if subject_of[row["case"]] == person]))
        for person in people
    }


if __name__ == "__main__":
    main()
