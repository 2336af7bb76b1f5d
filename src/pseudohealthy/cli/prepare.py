"""`pseudohealthy prepare`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="datasets, folders, scans, tables, DICOM")
    parser.add_argument("out", type=Path, metavar="OUT", help="output folder, a BIDS derivative with cohort.tsv")
    parser.add_argument(
        "--config", default="default", help="preparation recipe: default, paper or a YAML file (default: default)"
    )
    parser.add_argument(
        "--space",
        choices=("native", "brainbox", "template"),
        help="grid of the result: the scan's own, its brain's box scaled, or registered (default: template)",
    )
    parser.add_argument("--template", help="mni152, or the path of a skull-stripped template (default: mni152)")
    parser.add_argument("--engine", choices=("simpleitk", "ants"), help="what registers (default: simpleitk)")
    parser.add_argument(
        "--strip",
        choices=("auto", "deepbet", "hd-bet", "synthstrip"),
        help="tool that finds the brain in whole heads (default: auto, the first that is installed)",
    )
    parser.add_argument(
        "--bias-field",
        type=int,
        metavar="LEVELS",
        help="remove it by N4 with 1 to 4 levels; 4 takes large lesions for bias (default: 0, leave it)",
    )
    parser.add_argument("--series", metavar="NAME", help="which series of a DICOM folder: its number, name or UID")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes, about 2 GB each (default: 1)")
    parser.add_argument(
        "--shard", metavar="I/N", help="prepare one of N parts of the scans: N processes share OUT, see --resume"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on: finished scans are left untouched; after shards, pool them"
    )
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.errors import ConfigError
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.dicom import as_nifti
    from pseudohealthy.io.files import refuse_input
    from pseudohealthy.prepare.bias_field import MOST_LEVELS
    from pseudohealthy.stages.progress import progress
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.workflows.prepare_case import SIDECAR
    from pseudohealthy.workflows.prepare_cohort import load_settings, prepare_cohort
    from pseudohealthy.workflows.shard import Shard, folder_of

    refuse_input(args.out, args.inputs)
    shard = Shard.parse(args.shard) if args.shard else None
    given = {
        key: getattr(args, key) for key in ("space", "template", "engine", "strip") if getattr(args, key) is not None
    }
    if args.bias_field is not None:
        if not 0 <= args.bias_field <= MOST_LEVELS:
            needed = f"levels from 0 to {MOST_LEVELS}"
            raise ConfigError("--bias-field", found=str(args.bias_field), needed=needed, fix="Leave it out for 0.")
        given["bias_field_levels"] = args.bias_field
    settings = load_settings(args.config, given)
    resume = args.resume or (shard is not None and not args.overwrite)
    path, finished = folder_of(args.out, shard, resume=resume), [f"*_{SIDECAR}"]
    shared = args.out if shard else None
    with RunFolder.open(
        path, resume=resume, overwrite=args.overwrite, shared=shared is not None, finished=finished
    ) as folder:
        cohort = discover(as_nifti(args.inputs, args.out / "dicom", args.series))
        if shard and len(cohort):
            cohort = shard.cases(cohort)
            folder.log(f"shard {shard.number} of {shard.of}; scans: {len(cohort)}")
            if not len(cohort):
                return
        with progress(folder, "prepare", len(cohort)) as advance:
            prepare_cohort(cohort, settings, folder, jobs=args.jobs, resume=resume, shared=shared, advance=advance)
