"""Prepare a cohort in parallel: a broken scan stops no other, a killed run goes on where it was."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pseudohealthy.errors import CohortError, ConfigError, InputError, PartialFailure
from pseudohealthy.io.cohort import Case, Cohort, case_from_row, write_cohort
from pseudohealthy.io.table import read_table
from pseudohealthy.io.templates import load_template
from pseudohealthy.prepare.chain import ChainSettings
from pseudohealthy.report.preparation import PAGE, PreparedCase, picture_from, write_preparation_page
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.shipped import load
from pseudohealthy.workflows.derivatives import describe_derivatives
from pseudohealthy.workflows.prepare_case import Done, Task, done_before, picture_of, prepare_case
from pseudohealthy.workflows.workers import each

TABLE = "cohort.tsv"


def load_settings(name: str | Path, given: Mapping[str, Any]) -> ChainSettings:
    """Read a preparation recipe (`configs/prepare/`, or a path); `given` keys replace its own."""
    return load(ChainSettings, "prepare", "preparation recipe", name, given)


def prepare_cohort(
    cohort: Cohort,
    settings: ChainSettings,
    run: RunFolder,
    *,
    jobs: int = 1,
    resume: bool = False,
    shared: Path | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Cohort:
    """Prepare every scan of a cohort.

    Args:
        cohort: Raw scans.
        settings: What to do.
        run: Output folder.
        jobs: Processes at a time; the result does not depend on it.
        resume: Leave finished cases untouched. Those that were prepared before and are not asked for now stay in table
            and page.
        shared: Output folder of several processes, each with a run of its own. None: the folder of `run`, which also
            gets the table and the page of all scans.
        advance: Called after each scan.

    Returns:
        The prepared scans; without `shared` they stand in `cohort.tsv`.

    Raises:
        InputError: There is no scan, or none could be prepared: the first one's error.
        PartialFailure: Some could not be prepared; the others are written.
    """
    _refuse_unusable(cohort, settings)
    config = yaml.safe_dump(json.loads(json.dumps(dataclasses.asdict(settings))), sort_keys=False)
    out = run.path if shared is None else shared
    if resume:
        _refuse_other_settings(run.path, config)
    run.record(config, cohort, {})
    tasks = [Task(case, settings, out, resume) for case in cohort]
    done: dict[str, Done] = {}
    failures: dict[str, InputError] = {}
    told = time.monotonic()
    for task, result in each(prepare_case, tasks, jobs):
        if isinstance(result, InputError):
            failures[task.name] = result
            if len(cohort) > 1:
                run.log(f"{task.name}: {result}")
        elif isinstance(result, Exception):
            raise result
        else:
            done[task.name] = result
            state = "done before" if result.skipped else f"{time.monotonic() - told:.1f} s since the last"
            run.log(f"{task.name}: {', '.join(result.facts)}; {state}")
        told = time.monotonic()
        advance()
    if not done:
        raise next(failures[case.name] for case in cohort if case.name in failures)
    if resume and shared is None:
        earlier = dict(_listed_before(out, cohort, settings))
        done |= {case.name: finished for case, finished in earlier.items()}
        cohort = Cohort([*earlier, *cohort])
    prepared = Cohort(_row(case, done[case.name], out) for case in cohort if case.name in done)
    describe_derivatives(out, "Prepared scans")
    if shared is None:
        write_cohort(prepared, out / TABLE)
        _write_page(cohort, done, failures, out, settings)
    if failures:
        raise PartialFailure({name: str(error) for name, error in failures.items()}, len(done))
    return prepared


def _refuse_unusable(cohort: Cohort, settings: ChainSettings) -> None:
    if not len(cohort):
        raise CohortError("scans to prepare", found="none", needed="at least one", fix="Check the path.")
    if settings.space == "template":
        load_template(settings.template)  # an unusable one is said once


def _refuse_other_settings(folder: Path, config: str) -> None:
    before = folder / "config.yaml"
    if before.is_file() and before.read_text(encoding="utf-8") != config:
        raise ConfigError(
            folder,
            found="scans that were prepared with other settings",
            needed="the same settings to go on with them",
            fix="Give the options of the first call, or choose another output folder.",
        )


def _listed_before(out: Path, cohort: Cohort, settings: ChainSettings) -> Iterator[tuple[Case, Done]]:
    """The cases that the table lists beside those of a cohort, and that are still finished with the same settings."""
    table, asked = out / TABLE, json.loads(json.dumps(dataclasses.asdict(settings)))
    now = {case.name for case in cohort}
    for row in read_table(table, required=["case"]) if table.is_file() else []:
        for finished in done_before(out, Case(row["case"], out)) if row["case"] not in now else []:
            if json.loads(finished.sidecar.read_text(encoding="utf-8"))["Settings"] == asked:
                yield case_from_row(row, out, table), finished


def _row(case: Case, done: Done, out: Path) -> Case:
    files = json.loads(done.sidecar.read_text(encoding="utf-8"))["Files"]
    labelled = "lesion_mask" in files
    return dataclasses.replace(
        case,
        image=out / files["image"],
        brain_mask=out / files["brain_mask"],
        lesion_mask=out / files["lesion_mask"] if labelled else None,
        lesion_labels=(1,),
        ignored_labels=(2,) if labelled and case.ignored_labels else (),
    )


def _write_page(
    cohort: Cohort, done: Mapping[str, Done], failures: Mapping[str, InputError], out: Path, settings: ChainSettings
) -> None:
    cases = []
    for case in cohort:
        if case.name in failures:
            cases.append(PreparedCase(case.name, failure=str(failures[case.name])))
            continue
        told = json.loads(done[case.name].sidecar.read_text(encoding="utf-8"))
        picture = picture_from(picture_of(out, case).read_bytes())
        cases.append(PreparedCase(case.name, done[case.name].facts, tuple(told["Warnings"]), picture))
    write_preparation_page(out / PAGE, cases, settings.space)
