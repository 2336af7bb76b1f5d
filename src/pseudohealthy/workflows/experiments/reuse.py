"""What another run of the same painted experiment has finished is copied: a plan with more rows goes on from it.

Two plans divide people alike where their keys of `SAME` agree: folds and trainings are functions of these and the
seed. Scans are not quite: who needs more copies of a set deals the masks in another order. So they are copied first.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pseudohealthy.errors import ConfigError
from pseudohealthy.io.cohort import read_cohort
from pseudohealthy.stages.begun import recipe_changes, spelt_out
from pseudohealthy.stages.recipe import as_yaml as as_recipe
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.experiments.folds import wanted
from pseudohealthy.workflows.experiments.methods import as_yaml
from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
from pseudohealthy.workflows.experiments.trainings import STAGE_1, seeded
from pseudohealthy.workflows.experiments.unsupervised import folder_of, recipe_of

SAME = (
    *("recipe", "hosts", "masks", "without_masks", "sets", "folds", "roles"),
    *("copies", "stratify", "spacing_mm"),
)
ROWS = ("segmenters", "references", "synthetic", "synthetic_segmenters")
TABLES = ("cases.tsv", "betas.tsv", "counts.tsv", "gallery.json", "pictures", "pages", "model", "facts.json")
"""What a tested fold has, tables that were unpacked not all of it; `facts.json`, which says so, is copied last."""


def reuse(run: RunFolder, plan: PaintedPlan, other: Path) -> None:
    """Copy what a run has finished and this one has not: painted scans, networks, and tables of the same rows.

    A method whose recipe is another one there is left out, and so is trained anew.

    Args:
        run: This run.
        plan: Its plan; of the other's seeds and directions those are copied that it has.
        other: Output folder of the other run, which is left as it is.

    Raises:
        ConfigError: It is no run of a plan with painted lesions, or of another experiment, or painted too little.
    """
    theirs, ours = _plan_of(other), yaml.safe_load(as_yaml(plan))
    seeds = [seed for seed in plan.seeds if (other / f"seed-{seed}/config.yaml").is_file()]  # of painted scans
    changes = recipe_changes(_same(theirs), _same(ours))
    for seed in seeds:
        changes += recipe_changes(_text(other / f"seed-{seed}/config.yaml"), _base(plan, seed))
    changes += [missing for seed in seeds for missing in _not_painted(other / f"seed-{seed}/data", plan)]
    changes += [f"seed {seed} was painted here, too, in another way" for seed in seeds if _differs(run, other, seed)]
    if changes:
        raise ConfigError(
            f"--reuse {other}",
            found=f"another experiment: {spelt_out(changes)}",
            needed="a run that paints, divides and trains as this plan does",
            fix="Leave --reuse out, or make the plans agree.",
        )
    same_rows = all(theirs.get(key) == ours.get(key) for key in ROWS)
    for seed in seeds:
        recipes = {folder_of(name): as_recipe(recipe_of(plan, name, seed)) for name in plan.unsupervised}
        _copy(run, other, f"seed-{seed}/data")
        for fold in (f"seed-{seed}/fold-{number}" for number in range(plan.folds)):
            _copy_networks(run, other, fold, recipes)
            for direction in (f"{fold}/{annotated}" for annotated in plan.annotated):
                _copy_networks(run, other, direction, recipes)
                if same_rows and (other / direction / TABLES[-1]).is_file():
                    for table in TABLES:
                        _copy(run, other, f"{direction}/{table}")


def _differs(run: RunFolder, other: Path, seed: int) -> bool:
    """Whether both have painted, and not the same."""
    ours, theirs = (folder / f"seed-{seed}/data/cohort.tsv" for folder in (run.path, other))
    return ours.is_file() and theirs.is_file() and _text(ours) != _text(theirs)


def _base(plan: PaintedPlan, seed: int) -> str:
    return as_recipe(seeded(load_recipe(plan.recipe), seed))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _not_painted(data: Path, plan: PaintedPlan) -> list[str]:
    """Kinds of scans that the plan needs and another run has not painted: it may have had fewer directions."""
    painted = read_cohort(data / "cohort.tsv")
    hosts = list(dict.fromkeys(case.columns["host"] for case in painted))
    there = {case.name for case in painted}
    missing = [one.pathology for one in wanted(plan, hosts) if one.name() not in there]
    return [f"{pathology} was painted in fewer copies" for pathology in dict.fromkeys(missing)]


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


def _copy_networks(run: RunFolder, other: Path, folder: str, recipes: Mapping[str, str]) -> None:
    """Every training in a folder that came to its end; of a method of Stage I, if it was asked for in the same way."""
    for training in sorted((other / folder).glob("stage-*")):
        name, of_method = f"{folder}/{training.name}", training.name.startswith(f"{STAGE_1}-")
        if not (training / "model" / "config.json").is_file() or (of_method and training.name not in recipes):
            continue
        changes = recipe_changes(_text(training / "config.yaml"), recipes[training.name]) if of_method else []
        if changes:
            run.log(f"{name}: not taken from {other}, {spelt_out(changes)}")
        else:
            _copy(run, other, name)


def _copy(run: RunFolder, other: Path, name: str) -> None:
    """Copy a file or folder, if it is there, whole or not at all; what is here, also by another process, stays."""
    source, target = other / name, run.path / name
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    if source.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial)
    else:
        shutil.copyfile(source, partial)
    try:
        partial.replace(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(partial)  # another process was first
        return
    run.log(f"{name}: taken from {other}")
