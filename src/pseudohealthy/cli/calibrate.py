"""`pseudohealthy calibrate`."""

import argparse
from pathlib import Path

_MOST = 3  # one of them decides where there are few; who looks at it may find out why


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
        "--split", help="only scans of this split (default: calibration, where there is a split column)"
    )
    parser.add_argument("--max-healthy-ml", type=float, help="volume that a healthy scan may have above (default: 1)")
    parser.add_argument("--alpha", type=float, help="share of healthy scans that may have more (default: 0.1)")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    import dataclasses
    import logging
    import math

    from pseudohealthy.errors import ConfigError
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.splits import chosen
    from pseudohealthy.stages.calibrate import calibrate
    from pseudohealthy.stages.model_folder import load_model, save_calibration

    model = load_model(args.model)
    settings = model.recipe.calibration
    if args.max_healthy_ml is not None:
        if not 0 <= args.max_healthy_ml < math.inf:
            raise ConfigError(
                "--max-healthy-ml",
                found=f"{args.max_healthy_ml:g}",
                needed="0 or more, and finite",
                fix="For example: 1.0",
            )
        settings = dataclasses.replace(settings, max_healthy_ml=args.max_healthy_ml)
    if args.alpha is not None:
        if not 0 < args.alpha < 1:
            raise ConfigError(
                "--alpha", found=f"{args.alpha:g}", needed="a share between 0 and 1", fix="For example: 0.1"
            )
        settings = dataclasses.replace(settings, alpha=args.alpha)
    cohort = chosen(discover(args.data), args.split, "calibration")
    asked: dict[str, float] = {}

    def remember(row: str, scan: str, lowest: float) -> None:
        if row == model.row:
            asked[scan] = lowest

    (calibrated,) = calibrate([model], cohort, settings, asked=remember)
    save_calibration(calibrated, args.model)
    tell = logging.getLogger("pseudohealthy").info
    if asked:
        highest = sorted(asked, key=lambda scan: -asked[scan])[:_MOST]
        tell("healthy scans that ask for most: %s", ", ".join(f"{scan} {asked[scan]:.4f}" for scan in highest))
    for policy in model.calibration.get(model.row, {}).keys() - calibrated.calibration[model.row].keys():
        lack = "healthy" if policy == "healthy" else "annotated"
        tell("%s: none any more, for there is no %s scan among these; its former threshold is removed", policy, lack)
    for policy, threshold in calibrated.calibration[model.row].items():
        tell("%s: %.4f (%s)", policy, threshold.value, threshold.statement)
