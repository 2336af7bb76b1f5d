"""`pseudohealthy benchmark`."""

import argparse
from pathlib import Path

PLANS = (
    *("virtual", "claims-virtual", "semi-real", "semi-real-all", "glioma", "paper", "paper-atlas"),
    *("demo", "smoke"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("plan", metavar="PLAN", help=f"shipped name ({', '.join(PLANS)}) or YAML file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder that a plan's paths start from (default: here)"
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="one of N processes that share the folds of painted lesions; a last one pools"
    )
    parser.add_argument(
        "--reuse", type=Path, metavar="DIR", help="output of another plan with the same painted lesions: go on from it"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="tell rows, networks and hours by a few timed steps, and stop"
    )
    parser.add_argument("--resume", action="store_true", help="continue: what is done is not run again")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.stages.recipe import load_recipe
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.workflows.experiments.forecast import forecast, told
    from pseudohealthy.workflows.experiments.painted_benchmark import painted_benchmark
    from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
    from pseudohealthy.workflows.experiments.patient_benchmark import patient_benchmark
    from pseudohealthy.workflows.experiments.patient_plan import PatientPlan
    from pseudohealthy.workflows.experiments.plans import load_any_plan
    from pseudohealthy.workflows.experiments.reuse import reuse
    from pseudohealthy.workflows.experiments.trainings import refuse_slabs_in
    from pseudohealthy.workflows.experiments.virtual_benchmark import benchmark
    from pseudohealthy.workflows.experiments.virtual_plan import VirtualPlan
    from pseudohealthy.workflows.shard import Shard

    plan = load_any_plan(args.plan)
    refuse_slabs_in(plan.trainings, load_recipe(plan.recipe))
    if isinstance(plan, VirtualPlan):
        _refuse("--data", args.data, "a plan of virtual brains", "a plan with people")
    if not isinstance(plan, PaintedPlan):
        _refuse("--shard", args.shard, "a plan without painted lesions", "a plan with the key 'hosts'")
        _refuse("--reuse", args.reuse, "a plan without painted lesions", "a plan with the key 'hosts'")
    shard, data = None if args.shard is None else Shard.parse(args.shard), args.data or Path()
    if args.dry_run:
        print("\n".join(told(plan, forecast(plan))))
        return
    resume, finished = args.resume or shard is not None, ("*.ckpt", "config.json", "facts.json")
    with RunFolder.open(args.out, resume=resume, shared=shard is not None, finished=finished) as folder:
        if plan.unsupervised:
            for line in told(plan, forecast(plan)):
                folder.log(line)
        if isinstance(plan, PaintedPlan):
            if args.reuse is not None:
                reuse(folder, plan, args.reuse)
            painted_benchmark(folder, plan, data, shard)
        elif isinstance(plan, PatientPlan):
            patient_benchmark(folder, plan, data)
        else:
            benchmark(folder, plan)


def _refuse(option: str, given: object, found: str, needed: str) -> None:
    from pseudohealthy.errors import ConfigError

    if given is not None:
        raise ConfigError(option, found=found, needed=needed, fix=f"Leave {option} out.")
