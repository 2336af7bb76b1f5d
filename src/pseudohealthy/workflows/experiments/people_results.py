"""The results of an experiment with people: the claims that were fixed beforehand are tested, and the rest is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pseudohealthy.evaluate.claims import claims_of, descriptions_of, test_claims
from pseudohealthy.report.gallery import choose
from pseudohealthy.report.likeness import Likeness
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation
from pseudohealthy.workflows.experiments.one_fold import Direction
from pseudohealthy.workflows.results import write_results

CLAIM_SEED = 0  # of the bootstrap and of the drawn sign patterns


def write_people_results(
    run: RunFolder,
    direction: Direction,
    unseen: Sequence[str],
    *,
    same_people: bool,
    title: str,
    notes: Sequence[str],
    likeness: Mapping[str, Likeness] | None = None,
) -> None:
    """Write tables, claims, curves and page of one direction.

    Args:
        run: Output folder.
        direction: Everything that is known of it so far.
        unseen: Test sets of pathologies that were never annotated.
        same_people: Whether the unseen sets are of the same people: if not, the claims are tested on the annotated
            pathology alone.
        title: Title of the page.
        notes: What the page can and cannot show.
        likeness: Test set -> how like the annotated lesions its own are.
    """
    known = direction.annotated
    paired = unseen if same_people else ()
    family = (*claims_of(known, paired), *descriptions_of(known, paired))
    write_results(
        run,
        Evaluation(direction.cases, direction.betas, choose(direction.kept.gallery), direction.kept.counts),
        title=title,
        known=[known],
        unseen=unseen,
        facts=direction.facts,
        notes=notes,
        claims=test_claims([*direction.cases, *direction.betas], family, CLAIM_SEED),
        curve_cases=[*direction.betas, *direction.fewer],
        likeness=likeness,
        trained=direction.trained,
    )
