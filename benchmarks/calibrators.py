"""Who set the threshold: the lowest one that keeps each healthy calibration scan of a fold quiet, and the person's age.

    python benchmarks/calibrators.py RUN DATA tumour

RUN is the output of `pseudohealthy benchmark semi-real`, with its models; DATA as there. Sides are those of the plan
`semi-real`. A model keeps these thresholds without names, because a model travels.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from pseudohealthy.io.cohort import Cohort, read_cohort
from pseudohealthy.io.table import read_table
from pseudohealthy.stages.calibrate import calibrate
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.workflows.experiments.folds import sides
from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
from pseudohealthy.workflows.experiments.plans import load_any_plan


def main() -> None:
    """Calibrate each fold's model anew and print what each scan asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("annotated")
    parser.add_argument("--row", default="sadm_res")
    args = parser.parse_args()
    plan = load_any_plan("semi-real")
    assert isinstance(plan, PaintedPlan)
    rows = read_table(args.data / plan.hosts / "participants.tsv")
    ages = {row["participant_id"]: row["age"] for row in rows}
    print("seed", "fold", "age", "asks", sep="\t")
    for model in sorted(args.run.glob(f"seed-*/fold-*/{args.annotated}/model")):
        seed, fold = (int(part.name.split("-")[1]) for part in (model.parents[2], model.parents[1]))
        scans = [case for case in read_cohort(model.parents[2] / "data/cohort.tsv") if case.pathology == "healthy"]
        people = Cohort([replace(case, columns={**case.columns, "age": ages[case.subject]}) for case in scans])
        side = sides(plan, people, seed)[fold]
        calibrators = [replace(case, split="") for case in people if side.get(case.name) == "calibration"]
        asked: dict[str, float] = {}

        def note(row: str, name: str, lowest: float, asked: dict[str, float] = asked) -> None:
            if row == args.row:
                asked[name] = lowest

        calibrate([load_model(model)], Cohort(calibrators), baselines=False, asked=note)
        for case in sorted(calibrators, key=lambda one: -asked[one.name]):
            print(seed, fold, ages[case.subject], f"{asked[case.name]:.3f}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
