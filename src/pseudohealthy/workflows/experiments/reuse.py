"""What another run of the same painted experiment has finished is copied: a plan with more rows goes on from it.

Two plans paint and divide people alike where their keys of `SAME` agree: scans, folds and trainings are functions of
these and the seed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pseudohealthy.errors import ConfigError
from pseudohealthy.stages.begun import recipe_changes, spelt_out
from pseudohealthy.stages.recipe import as_yaml as recipe_yaml
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.experiments.methods import as_yaml
from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
from pseudohealthy.workflows.experiments.trainings import seeded

SAME = (
    *("recipe", "hosts", "masks", "without_masks", "sets", "folds", "roles"),
    *("copies", "stratify", "spacing_mm"),
)
ROWS = ("segmenters", "references", "synthetic", "synthetic_segmenters")
TABLES = ("cases.tsv", "betas.tsv", "model", "facts.json")
"""What a fold has when it is tested; `facts.json`, which says so, is copied last."""


def reuse(run: RunFolder, plan: PaintedPlan, other: Path) -> None:
    """Copy what a run has finished and this one has not: painted scans, networks, and tables of the same rows.

    Args:
        run: This run.
        plan: Its plan; of the other's seeds and directions those are copied that it has.
        other: Output folder of the other run, which is left as it is.

    Raises:
        ConfigError: It is no run of a plan with painted lesions, or of another experiment.
    """
    theirs, ours = _plan_of(other), yaml.safe_load(as_yaml(plan))
    changes = recipe_changes(_same(theirs), _same(ours))
    same_rows = all(theirs.get(key) == ours.get(key) for key in ROWS)
    for seed in plan.seeds:
        recipe = other / f"seed-{seed}" / "config.yaml"
        if recipe.is_file():
            changes += recipe_changes(
                recipe.read_text(encoding="utf-8"), recipe_yaml(seeded(load_recipe(plan.recipe), seed))
            )
    if changes:
        raise ConfigError(
            f"--reuse {other}",
            found=f"another experiment: {spelt_out(changes)}",
            needed="a run that paints, divides and trains as this plan does",
            fix="Leave --reuse out, or make the plans agree.",
        )
    for seed in plan.seeds:
        name = f"seed-{seed}"
        if not (other / name / "config.yaml").is_file():  # written when the scans are painted
            continue
        _copy(run, other, f"{name}/data")
        for fold in (f"{name}/fold-{number}" for number in range(plan.folds)):
            _copy_networks(run, other, fold)
            for direction in (f"{fold}/{annotated}" for annotated in plan.annotated):
                _copy_networks(run, other, direction)
                if same_rows and (other / direction / TABLES[-1]).is_file():
                    for table in TABLES:
                        _copy(run, other, f"{direction}/{table}")


def _same(plan: Mapping[str, Any]) -> str:
    return yaml.safe_dump({key: plan[key] for key in SAME if key in plan})


def _plan_of(folder: Path) -> dict[str, Any]:
    path = folder / "config.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    if not isinstance(content, dict) or "hosts" not in content:
        raise ConfigError(
            f"--reuse {folder}",
            found="no run of a plan with painted lesions",
            needed="the output folder of one",
            fix="Name the folder that was given as --out.",
        )
    return content


def _copy_networks(run: RunFolder, other: Path, folder: str) -> None:
    """Every training in a folder that came to its end."""
    for training in sorted((other / folder).glob("stage-*")):
        if (training / "model" / "config.json").is_file():
            _copy(run, other, f"{folder}/{training.name}")


def _copy(run: RunFolder, other: Path, name: str) -> None:
    """Copy a file or folder, whole or not at all, unless it is there."""
    source, target = other / name, run.path / name
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    if source.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial)
    else:
        shutil.copyfile(source, partial)
    partial.replace(target)
    run.log(f"{name}: taken from {other}")
