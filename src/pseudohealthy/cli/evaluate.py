"""`pseudohealthy evaluate`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="calibrated model folder")
    parser.add_argument(
        "data", type=Path, nargs="+", metavar="DATA", help="scans; where there is a split column, those of --split"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument(
        "--with",
        dest="others",
        type=Path,
        nargs="+",
        default=[],
        metavar="MODEL",
        help="more models with the same reconstructor, as rows of the same table",
    )
    parser.add_argument("--known", nargs="+", default=[], metavar="SET", help="pathologies that Stage II was shown")
    parser.add_argument("--split", help="only scans of this split (default: test, where there is a split column)")
    parser.add_argument("--threshold", choices=["healthy", "lesion"], default="healthy", help="stored policy")
    parser.add_argument("--pages", action="store_true", help="also write a page for each scan, as predict does")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that has files in it")


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.io.bids import discover
    from pseudohealthy.io.splits import chosen
    from pseudohealthy.stages.model_folder import load_model
    from pseudohealthy.stages.progress import progress
    from pseudohealthy.stages.recipe import as_yaml
    from pseudohealthy.stages.run_folder import RunFolder
    from pseudohealthy.workflows.evaluate_cohort import UNNAMED_SET, CasePages, evaluate_cohort
    from pseudohealthy.workflows.results import write_results

    models = [load_model(path) for path in (args.model, *args.others)]
    cohort = chosen(discover(args.data), args.split, "test")
    ill = [name for name in dict.fromkeys(case.pathology for case in cohort) if name not in ("healthy", "sham", "")]
    if any(not case.pathology and case.lesion_mask is not None for case in cohort):
        ill.append(UNNAMED_SET)
    if len(cohort):  # else that is what is told
        _refuse_other_sets(args.known, ill)
    with RunFolder.open(args.out, overwrite=args.overwrite) as folder:
        folder.record(as_yaml(models[0].recipe), cohort, {"model": models[0].seed})
        with progress(folder, "evaluate", len(cohort)) as advance:
            pages = CasePages(folder.path / "pages", every=True) if args.pages else None
            evaluation = evaluate_cohort(models, cohort, args.threshold, advance, pages=pages)
        write_results(
            folder,
            evaluation,
            title=f"{models[0].row} on {', '.join(map(str, args.data))}",
            known=[name for name in ill if name in args.known],
            unseen=[name for name in ill if name not in args.known],
            facts={"Model": str(args.model), "Scans": str(len(cohort)), "Threshold": args.threshold},
            notes=(),
        )
        unnamed = sum(not case.pathology for case in cohort)
        if unnamed:
            text = "pathology not told: %d; with a lesion they are the set '%s', without one the set 'healthy'"
            folder.log(text % (unnamed, UNNAMED_SET))
        folder.log(f"Open {(folder.path / 'report.html').resolve()}")


def _refuse_other_sets(known: list[str], sets: list[str]) -> None:
    from pseudohealthy.errors import ConfigError

    others = [name for name in known if name not in sets]
    if others:
        raise ConfigError(
            "--known",
            found=", ".join(others),
            needed=f"test sets with lesions (there are: {', '.join(sets) or 'none'})",
            fix="Check the spelling, and the column 'pathology' of the scans.",
        )
