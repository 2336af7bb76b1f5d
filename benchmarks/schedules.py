"""How many steps does Stage I need? The paper's schedule against shorter ones: validation loss over steps and slices.

    python benchmarks/schedules.py OUT [--plan virtual]

The network and the virtual brains of a plan, with Adam at 1e-4 and 32 slices as published, and with one-cycle rates,
AdamW and a moving average of the weights, for several numbers of steps and slices. What is trained already in OUT is
read, a killed training goes on. Written: `schedules.tsv` (every validation) and `schedules.webp`.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from pseudohealthy.config import TrainingSettings
from pseudohealthy.io.cohort import Cohort, read_cohort
from pseudohealthy.io.table import write_table
from pseudohealthy.stages.recipe import Recipe, load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.virtual.cohort import simulate
from pseudohealthy.workflows.experiments.plans import load_any_plan
from pseudohealthy.workflows.experiments.trainings import stage_1
from pseudohealthy.workflows.experiments.virtual_plan import VirtualPlan

PAPER = TrainingSettings(steps=1800, batch_size=32, validate_every_steps=100, checkpoint_every_steps=100)


def schedules(recipe: Recipe) -> dict[str, TrainingSettings]:
    """Name -> optimisation; the short ones are the recipe's own but for steps and slices."""
    own = replace(recipe.reconstructor_training, validate_every_steps=50, checkpoint_every_steps=50)
    return {
        "paper: Adam 1e-4, 32 slices": PAPER,
        "one cycle, 250 steps of 8": replace(own, steps=250, batch_size=8),
        "one cycle, 500 steps of 8": replace(own, steps=500, batch_size=8),
        "one cycle, 250 steps of 32": replace(own, steps=250, batch_size=32),
        "one cycle, 500 steps of 32": replace(own, steps=500, batch_size=32),
        "one cycle, 1000 steps of 8": replace(own, steps=1000, batch_size=8),
        "one cycle, 2000 steps of 8": replace(own, steps=2000, batch_size=8),
    }


def curve(name: str, cohort: Cohort, recipe: Recipe, run: RunFolder) -> list[dict[str, str]]:
    """Train, unless it is done, and read the validations."""
    training = recipe.reconstructor_training
    stage_1(cohort, recipe, run, resume=True, folder=name.replace(" ", "_"))
    with (run.path / name.replace(" ", "_") / "metrics.csv").open(encoding="utf-8") as table:
        return [
            {
                "schedule": name,
                "step": row["step"],
                "slices": str(int(row["step"]) * training.batch_size),
                "val_loss": f"{float(row['val_loss']):.4f}",
            }
            for row in csv.DictReader(table)
        ]


def draw(curves: Mapping[str, list[dict[str, str]]], path: Path) -> None:
    """Validation loss over steps, and over the slices that were learned from."""
    figure = Figure(figsize=(8.2, 3.4), dpi=144, layout="constrained")
    for axes, across in zip(figure.subplots(1, 2, sharey=True), ("step", "slices"), strict=True):
        for name, rows in curves.items():
            style = {"color": "black", "linewidth": 1.6} if name.startswith("paper") else {"linewidth": 1.2}
            axes.plot([int(row[across]) for row in rows], [float(row["val_loss"]) for row in rows], label=name, **style)
        axes.set(xlabel={"step": "steps", "slices": "slices learned from"}[across], xlim=0)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("validation loss (L1)")
    figure.axes[1].legend(frameon=False, fontsize=8)
    figure.savefig(path)


def main() -> None:
    """Train and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--plan", default="virtual")
    args = parser.parse_args()
    plan = load_any_plan(args.plan)
    if not isinstance(plan, VirtualPlan):
        raise SystemExit(f"{args.plan} is no plan of virtual brains")
    run, data = RunFolder(args.out), args.out / "data"
    groups = [group for group in plan.groups if group.split in ("train", "validation")]
    simulated = (data / "participants.tsv").is_file()
    cohort = read_cohort(data / "cohort.tsv") if simulated else simulate(data, groups, 0, plan.spacing_mm)
    recipe = load_recipe(plan.recipe)
    curves = {
        name: curve(name, cohort, replace(recipe, reconstructor_training=training), run)
        for name, training in schedules(recipe).items()
    }
    rows = [row for each in curves.values() for row in each]
    write_table(args.out / "schedules.tsv", list(rows[0]), rows)
    draw(curves, args.out / "schedules.webp")
    wanted = min(float(row["val_loss"]) for row in next(iter(curves.values())))
    print(f"{'schedule':<32}{'last loss':>10}{'steps until the paper schedule best, ' + f'{wanted:.4f}':>46}")
    for name, each in curves.items():
        reached = next((row["step"] for row in each if float(row["val_loss"]) <= wanted), "not reached")
        print(f"{name:<32}{each[-1]['val_loss']:>10}{reached:>46}")


if __name__ == "__main__":
    main()
