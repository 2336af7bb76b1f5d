"""The whole method on simulated brains, with a page that says what it shows and what it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pseudohealthy.evaluate.trained import Trained
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.experiments.virtual_experiment import experiment
from pseudohealthy.workflows.experiments.virtual_plan import VirtualPlan
from pseudohealthy.workflows.results import write_results

NOTES = (
    "The brains and lesions of this page are simulated, from one template, and the networks were trained for minutes. "
    "It shows that the whole chain works and what each part contributes: where the reconstruction removes a lesion, "
    "what the segmenter adds on the pathology it was shown, and what it misses on the others.",
    "It cannot show how well the method does on patients. All subjects are deformations of one template and so are "
    "less different from each other than people; simulated lesions are cleaner than real ones; a few scans a set leave "
    "wide intervals. Nothing here was tuned on the test scans.",
)

CAVEAT = "Simulated brains of one template are not independent subjects: intervals are narrower than among people."


def demo(run: RunFolder, plan: VirtualPlan, seed: int) -> Evaluation:
    """Run a plan with one seed and write its page.

    Args:
        run: Output folder: `data/`, `stage-*/`, `model/`, `results.json`, `report.html`.
        plan: What to simulate and train.
        seed: Seed of the cohort and of both trainings.
    """
    evaluation, facts = experiment(run, plan, seed)
    write_virtual_results(run, evaluation, plan, facts)
    return evaluation


def write_virtual_results(
    run: RunFolder,
    evaluation: Evaluation,
    plan: VirtualPlan,
    facts: Mapping[str, str],
    trained: Sequence[Trained] = (),
) -> None:
    """Write tables and page of a virtual experiment, with what simulated brains can and cannot show."""
    write_results(
        run,
        evaluation,
        title=plan.title,
        known=plan.known,
        unseen=plan.unseen,
        facts=facts,
        notes=NOTES,
        caveat=CAVEAT,
        trained=trained,
    )
