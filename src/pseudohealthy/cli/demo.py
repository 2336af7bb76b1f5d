"""`pseudohealthy demo`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("--out", type=Path, default=Path("demo"), help="output folder (default: demo)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the cohort and of both trainings (default: 0)")
    parser.add_argument("--smoke", action="store_true", help="a minute: few scans, two steps; shows only that it runs")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.config import MOST_SEED
    from pseudohealthy.errors import ConfigError
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.workflows.experiments.demo import demo
    from pseudohealthy.workflows.experiments.virtual_plan import load_plan

    if not 0 <= args.seed <= MOST_SEED:
        needed = f"0 to {MOST_SEED}"
        raise ConfigError("--seed", found=str(args.seed), needed=needed, fix="For example: --seed 1")
    with RunFolder.open(args.out, overwrite=args.overwrite) as folder:
        demo(folder, load_plan("smoke" if args.smoke else "demo"), args.seed)
        folder.log(f"Open {(folder.path / 'report.html').resolve()}")
