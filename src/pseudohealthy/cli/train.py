"""`pseudohealthy train reconstructor` and `pseudohealthy train segmenter`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pseudohealthy.config import TrainingSettings
    from pseudohealthy.stages.processes import Processes
    from pseudohealthy.stages.run_folder import RunFolder


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options of both stages."""
    stages = parser.add_subparsers(title="stages", metavar="STAGE", required=True)
    one = stages.add_parser("reconstructor", help="Stage I, on healthy scans (split 'train', 'validation')")
    one.set_defaults(run=run_reconstructor)
    two = stages.add_parser("segmenter", help="Stage II, on annotated scans or synthetic anomalies")
    two.set_defaults(run=run_segmenter)
    two.add_argument("--reconstructor", type=Path, required=True, metavar="MODEL", help="model folder of Stage I")
    two.add_argument(
        "--synthetic",
        metavar="KIND",
        help="paint anomalies on the healthy scans of split 'train': draem, blobs, fpi, pii, cutpaste or dag",
    )
    for stage in (one, two):
        stage.add_argument(
            "--data", type=Path, nargs="+", required=True, help="BIDS datasets, folders or cohort tables with splits"
        )
        stage.add_argument("--out", type=Path, required=True, metavar="RUN", help="run folder")
        stage.add_argument(
            "--config", default="small", metavar="RECIPE", help="shipped name or YAML file (default: small)"
        )
        stage.add_argument(
            "--set",
            dest="overrides",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="change a key of the recipe, such as reconstructor_training.steps=200; may be repeated",
        )
        stage.add_argument(
            "--devices", type=int, default=1, metavar="N", help="GPUs, or processes without a GPU (default: 1)"
        )
        stage.add_argument(
            "--nodes", type=int, default=1, metavar="M", help="machines with N devices each, by srun or torchrun"
        )
        stage.add_argument("--resume", action="store_true", help="continue a killed training")
        stage.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")


def run_reconstructor(args: argparse.Namespace) -> None:
    """Train Stage I."""
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.splits import refuse_leaks
    from pseudohealthy.stages.recipe import load_recipe
    from pseudohealthy.stages.train_reconstructor import train_reconstructor, validation_of
    from pseudohealthy.workflows.training_page import TrainingPage

    recipe = load_recipe(args.config, args.overrides)
    with _entered(args, recipe.reconstructor_training) as (run, processes):
        cohort = discover(args.data)
        refuse_leaks(cohort.sides())
        healthy, validation = cohort.split("train"), validation_of(cohort)
        train_reconstructor(
            healthy, validation, recipe, run, resume=args.resume, processes=processes, watch=TrainingPage(run.path)
        )


def run_segmenter(args: argparse.Namespace) -> None:
    """Train Stage II."""
    from pseudohealthy.data.anomalies import ANOMALIES
    from pseudohealthy.errors import ConfigError
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.cohort import Cohort
    from pseudohealthy.io.files import refuse_input
    from pseudohealthy.io.splits import refuse_leaks
    from pseudohealthy.stages.model_folder import load_model
    from pseudohealthy.stages.recipe import load_recipe
    from pseudohealthy.stages.slabs import refuse_slabs, slab_of
    from pseudohealthy.stages.supervision import Supervision
    from pseudohealthy.stages.train_segmenter import train_segmenter
    from pseudohealthy.workflows.training_page import TrainingPage

    if args.synthetic and args.synthetic not in ("none", *ANOMALIES):
        needed = f"one of none, {', '.join(ANOMALIES)}"
        raise ConfigError("--synthetic", found=f"'{args.synthetic}'", needed=needed, fix="Check the spelling.")
    refuse_input(args.out, [args.reconstructor, args.reconstructor.parent, *args.data])
    decided = [one for one in args.overrides if one.startswith(("grid=", "space=", "reconstructor"))]
    if decided:
        raise ConfigError(
            f"--set {decided[0]}",
            found="a setting of Stage I",
            needed="settings of Stage II: grid, space and reconstructor are those of the model",
            fix="Leave it out, or train Stage I with it.",
        )
    synthetic = [f"supervision.synthetic={args.synthetic}"] if args.synthetic else []
    recipe = load_recipe(args.config, [*args.overrides, *synthetic])
    stage_1 = load_model(args.reconstructor)
    parts = max(1, args.devices * args.nodes) * recipe.segmenter_training.accumulate
    on_grid = dataclasses.replace(recipe, grid=stage_1.recipe.grid)
    refuse_slabs(slab_of(recipe), on_grid, painting=recipe.supervision.synthetic != "none", parts=parts)
    with _entered(args, recipe.segmenter_training) as (run, processes):
        cohort = discover(args.data)
        refuse_leaks(cohort.sides())
        scans = Supervision(
            healthy=Cohort(()) if recipe.supervision.synthetic == "none" else cohort.split("train"),
            annotated=cohort.split("annotated"),
            validation=cohort.split("validation"),
        )
        train_segmenter(
            stage_1, scans, recipe, run, resume=args.resume, processes=processes, watch=TrainingPage(run.path)
        )


@contextmanager
def _entered(args: argparse.Namespace, settings: TrainingSettings) -> Iterator[tuple[RunFolder, Processes]]:
    """The run folder and who trains in it. Where several shall train, this process only starts them, and ends."""
    from pseudohealthy.stages.processes import is_started, joined, refuse, start
    from pseudohealthy.stages.run_folder import RunFolder

    refuse(args.devices, args.nodes, settings)
    if args.devices * args.nodes > 1 and not is_started():
        raise SystemExit(start(args.devices, args.nodes, args.arguments))
    with (
        joined(args.devices, args.nodes) as processes,
        RunFolder.open(args.out, resume=args.resume, overwrite=args.overwrite, leads=processes.leads) as run,
    ):
        yield run, processes
