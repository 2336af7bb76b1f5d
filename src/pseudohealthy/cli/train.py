"""`pseudohealthy train reconstructor` and `pseudohealthy train segmenter`."""

import argparse
from pathlib import Path


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
        stage.add_argument("--resume", action="store_true", help="continue a killed training")
        stage.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")


def run_reconstructor(args: argparse.Namespace) -> None:
    """Train Stage I."""
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.splits import refuse_leaks
    from pseudohealthy.stages.recipe import load_recipe
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.stages.train_reconstructor import train_reconstructor

    recipe = load_recipe(args.config, args.overrides)
    cohort = discover(args.data)
    refuse_leaks(cohort.sides())
    with RunFolder.open(args.out, resume=args.resume, overwrite=args.overwrite) as run:
        train_reconstructor(cohort.split("train"), cohort.split("validation").healthy, recipe, run, resume=args.resume)


def run_segmenter(args: argparse.Namespace) -> None:
    """Train Stage II."""
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.cohort import Cohort
    from pseudohealthy.io.splits import refuse_leaks
    from pseudohealthy.stages.model_folder import load_model
    from pseudohealthy.stages.recipe import load_recipe
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.stages.train_segmenter import Supervision, train_segmenter

    synthetic = [f"supervision.synthetic={args.synthetic}"] if args.synthetic else []
    recipe = load_recipe(args.config, [*args.overrides, *synthetic])
    stage_1 = load_model(args.reconstructor)
    cohort = discover(args.data)
    refuse_leaks(cohort.sides())
    scans = Supervision(
        healthy=Cohort(()) if recipe.supervision.synthetic == "none" else cohort.split("train"),
        annotated=cohort.split("annotated"),
        validation=cohort.split("validation"),
    )
    with RunFolder.open(args.out, resume=args.resume, overwrite=args.overwrite) as run:
        train_segmenter(stage_1, scans, recipe, run, resume=args.resume)
