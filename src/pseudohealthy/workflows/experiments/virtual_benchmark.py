"""A plan over several seeds: every seed a complete run, the cases of all pooled into one table and page."""

from __future__ import annotations

import dataclasses
import json

from pseudohealthy.evaluate.table import read_cases, scored_by, write_cases
from pseudohealthy.evaluate.trained import Trained
from pseudohealthy.io.cohort import read_cohort
from pseudohealthy.io.files import write_json
from pseudohealthy.report.gallery import choose
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.experiments.demo import write_virtual_results
from pseudohealthy.workflows.experiments.kept import add_kept, keep
from pseudohealthy.workflows.experiments.methods import as_yaml
from pseudohealthy.workflows.experiments.unsupervised import cases_of, recipe_of, run_methods, trained_in
from pseudohealthy.workflows.experiments.virtual_experiment import experiment
from pseudohealthy.workflows.experiments.virtual_plan import VirtualPlan


def benchmark(run: RunFolder, plan: VirtualPlan) -> Evaluation:
    """Run every seed of a plan that has no `cases.tsv` yet, and its methods that are not done; then pool the results.

    Args:
        run: Output folder; enter it again to continue.
        plan: What to simulate and train.

    Raises:
        ConfigError: The folder holds the results of another plan.
    """
    run.record(as_yaml(plan), (), {f"seed {seed}": seed for seed in plan.seeds}, resume=True)
    pooled, trained = Evaluation(), list[Trained]()
    recipes = {seed: {method: recipe_of(plan, method, seed) for method in plan.unsupervised} for seed in plan.seeds}
    facts: dict[str, str] = {"Seeds": ", ".join(map(str, plan.seeds))}
    for seed in plan.seeds:
        inner = run.inner(f"seed-{seed}")
        cases = inner.path / "cases.tsv"
        if cases.exists():
            run.log(f"seed {seed}: done before")
        else:
            evaluation, of_seed = experiment(inner, plan, seed, resume=True)
            write_json(inner.path / "facts.json", of_seed)
            # another seed's sub-0001 is another scan
            named = [dataclasses.replace(case, case=f"{seed}/{case.case}") for case in evaluation.cases]
            keep(inner.path, evaluation, f"{seed}/")
            write_cases(named, cases)
        pooled.cases += scored_by(read_cases(cases), f"Seed {seed}")
        add_kept(inner.path, pooled)
        if plan.unsupervised:
            cohort = read_cohort(inner.path / "data" / "cohort.tsv")
            run_methods(inner, cohort, recipes[seed], prefix=f"{seed}/", stage_1_in=inner)
            pooled.cases += cases_of(inner, plan, f"Seed {seed}")
            trained += trained_in(plan, inner.path, inner.path, inner.path)
        told = json.loads((inner.path / "facts.json").read_text(encoding="utf-8"))
        facts |= {f"Seed {seed}: minutes": told["Minutes"], "Stage I": told["Stage I"], "Stage II": told["Stage II"]}
    pooled.gallery = choose(pooled.gallery)
    write_virtual_results(run, pooled, plan, facts, trained)
    return pooled
