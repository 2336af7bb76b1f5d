"""`pseudohealthy predict`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="model folder")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="scans, folders, BIDS datasets or tables")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument(
        "--threshold", default="healthy", help="healthy, lesion, or a number in [0, 1) (default: healthy)"
    )
    parser.add_argument("--split", help="only these scans of a cohort with a split column (default: all)")
    parser.add_argument("--branches", action="store_true", help="also write both branches of the score")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.io.bids import discover
    from pseudohealthy.stages.model_folder import load_model
    from pseudohealthy.stages.progress import progress
    from pseudohealthy.stages.recipe import as_yaml
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.workflows.predict_cohort import choose_threshold, predict_cohort

    model = load_model(args.model)
    threshold = choose_threshold(model, args.threshold)
    cohort = discover(args.inputs)
    if args.split:
        cohort = cohort.split(args.split)
    with RunFolder.open(args.out, overwrite=args.overwrite) as folder:
        folder.record(as_yaml(model.recipe), cohort, {"model": model.seed})
        with progress(folder, "predict", len(cohort)) as advance:
            predict_cohort(model, cohort, folder, threshold, branches=args.branches, advance=advance)
