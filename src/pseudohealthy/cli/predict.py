"""`pseudohealthy predict`."""

import argparse
from pathlib import Path
from typing import NoReturn


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="model folder")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="scans, folders, datasets, tables, DICOM")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument(
        "--threshold", default="healthy", help="healthy, lesion, or a number in [0, 1) (default: healthy)"
    )
    parser.add_argument("--split", help="only these scans of a cohort with a split column (default: all)")
    parser.add_argument("--branches", action="store_true", help="also write both branches of the score")
    parser.add_argument(
        "--strip",
        choices=("auto", "deepbet", "hd-bet", "synthstrip"),
        help="tool that finds the brain in whole heads; auto: the first that is installed (default: heads are refused)",
    )
    parser.add_argument(
        "--precision",
        choices=("fp32", "bf16"),
        default="fp32",
        help="bf16: faster on processors that have it; scores move in the third digit (default: fp32)",
    )
    parser.add_argument("--series", metavar="NAME", help="which series of a DICOM folder: its number, name or UID")
    parser.add_argument(
        "--dicom-seg", action="store_true", help="also write mask and score as DICOM-SEG; all INPUT must be DICOM"
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="score one of N parts of the scans: N processes share DIR, see --resume"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on: finished scans are left untouched; after shards, pool them"
    )
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.dicom import converted, locate, series_of
    from pseudohealthy.io.files import refuse_input
    from pseudohealthy.io.splits import chosen
    from pseudohealthy.prepare.strip import installed
    from pseudohealthy.stages.model_folder import load_model
    from pseudohealthy.stages.processor import best_device, refuse_precision
    from pseudohealthy.stages.progress import progress
    from pseudohealthy.stages.recipe import as_yaml
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.workflows.predict_cohort import choose_threshold, predict_cohort
    from pseudohealthy.workflows.prediction_files import REPORT, Wanted
    from pseudohealthy.workflows.shard import Shard, folder_of

    shard = Shard.parse(args.shard) if args.shard else None
    refuse_input(args.out, [args.model, *args.inputs])
    refuse_precision(args.precision, best_device())
    model = load_model(args.model)
    threshold = choose_threshold(model, args.threshold)
    located = locate(args.inputs, args.series)
    dicom = series_of(located)
    if args.dicom_seg and len(dicom) < len(located):
        _refuse_dicom_seg()
    strip = installed() if args.strip == "auto" else args.strip
    wanted = Wanted(threshold, args.branches, strip, args.dicom_seg, args.precision)
    resume = args.resume or (shard is not None and not args.overwrite)
    path, finished = folder_of(args.out, shard, resume=resume), [f"*_{REPORT}"]
    shared = args.out if shard else None
    with RunFolder.open(
        path, resume=resume, overwrite=args.overwrite, shared=shared is not None, finished=finished
    ) as folder:
        cohort = discover(converted(located, args.out / "dicom"))
        if args.split:
            cohort = chosen(cohort, args.split, args.split)
        if shard and len(cohort):
            cohort = shard.cases(cohort)
            folder.log(f"shard {shard.number} of {shard.of}; scans: {len(cohort)}")
            if not len(cohort):
                return
        for series in dicom.values():
            folder.log(f"{series.name}: series {series}")
        folder.record(as_yaml(model.recipe), cohort, {"model": model.seed})
        with progress(folder, "predict", len(cohort)) as advance:
            predict_cohort(
                model,
                cohort,
                folder,
                wanted,
                shared=shared,
                resume=resume,
                dicom=dicom if args.dicom_seg else {},
                advance=advance,
            )


def _refuse_dicom_seg() -> NoReturn:
    from pseudohealthy.errors import ConfigError

    raise ConfigError(
        "--dicom-seg",
        found="an input that is not DICOM",
        needed="DICOM series alone: a DICOM-SEG refers to the images that it was computed from",
        fix="Leave --dicom-seg out, or pass the folder of the series instead of a NIfTI file.",
    )
