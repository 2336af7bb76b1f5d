"""`pseudohealthy calibrate`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="model folder; the thresholds are stored in it")
    parser.add_argument(
        "data",
        type=Path,
        nargs="+",
        metavar="DATA",
        help="scans; where there is a split column, those of --split",
    )
    parser.add_argument(
        "--split", default="calibration", help="which scans of a cohort with a split column (default: calibration)"
    )
    parser.add_argument("--max-healthy-ml", type=float, help="volume that a healthy scan may have above (default: 1)")
    parser.add_argument("--alpha", type=float, help="share of healthy scans that may have more (default: 0.1)")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    import dataclasses
    import logging

    from pseudohealthy.errors import ConfigError
    from pseudohealthy.io.bids import discover
    from pseudohealthy.stages.calibrate import calibrate
    from pseudohealthy.stages.model_folder import load_model, save_calibration

    model = load_model(args.model)
    settings = model.recipe.calibration
    if args.max_healthy_ml is not None:
        if args.max_healthy_ml < 0:
            raise ConfigError(
                "--max-healthy-ml", found=f"{args.max_healthy_ml:g}", needed="0 or more", fix="For example: 1.0"
            )
        settings = dataclasses.replace(settings, max_healthy_ml=args.max_healthy_ml)
    if args.alpha is not None:
        if not 0 < args.alpha < 1:
            raise ConfigError(
                "--alpha", found=f"{args.alpha:g}", needed="a share between 0 and 1", fix="For example: 0.1"
            )
        settings = dataclasses.replace(settings, alpha=args.alpha)
    cohort = discover(args.data)
    if any(case.split for case in cohort):
        cohort = cohort.split(args.split)
    (calibrated,) = calibrate([model], cohort, settings)
    save_calibration(calibrated.calibration, args.model)
    for policy, threshold in calibrated.calibration[model.row].items():
        logging.getLogger("pseudohealthy").info("%s: %.4f (%s)", policy, threshold.value, threshold.statement)
