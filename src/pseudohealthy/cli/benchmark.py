"""`pseudohealthy benchmark`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("plan", metavar="PLAN", help="shipped name (claims-virtual, demo, smoke) or YAML file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument("--resume", action="store_true", help="continue: seeds that are done are not run again")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.workflows.benchmark import benchmark
    from pseudohealthy.workflows.plan import load_plan

    plan = load_plan(args.plan)
    with RunFolder.open(args.out, resume=args.resume) as folder:
        benchmark(folder, plan)
