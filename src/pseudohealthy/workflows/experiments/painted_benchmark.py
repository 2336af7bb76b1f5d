"""A painted experiment over several seeds: for each direction one table and page, which grow with every fold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pseudohealthy.io.cohort import Cohort
from pseudohealthy.report.likeness import Likeness
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.virtual.overlap import overlaps
from pseudohealthy.workflows.experiments.methods import as_yaml
from pseudohealthy.workflows.experiments.one_fold import Direction
from pseudohealthy.workflows.experiments.painted_experiment import PaintedRun
from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
from pseudohealthy.workflows.experiments.people_results import write_people_results

NOTES = (
    "The brains of this page are people's; the lesions are not theirs. Healthy scans were painted on, and the healthy "
    "scans of the table passed the same interpolation with an empty lesion. Each person was tested once for each seed, "
    "by networks that had seen neither the person nor the lesion's mask.",
    "It cannot show how well the method does on patients: painted lesions have the borders and contrasts that we gave "
    "them, a scanner sees real ones differently, and a network that learned from paint may find paint.",
)


NEAR = 0.5  # overlap in contrast from which on a set is called near-unseen: what looks alike is easily carried over


def painted_benchmark(
    run: RunFolder, plan: PaintedPlan, data: Path, shard: tuple[int, int] | None = None
) -> list[Direction]:
    """Run every seed, direction and fold that is not done yet, and write the results after each.

    Args:
        run: Output folder; enter it again to continue. Each direction's results lie in the folder of its name.
        plan: What to paint and train.
        data: Folder that the plan's paths start from.
        shard: (i, n): do the folds number i, i + n, ... alone, counted from 1 over all seeds, and write no results: n
            processes share the work, a last one without `shard` pools it.

    Raises:
        ConfigError: The folder holds the results of another plan.
        CohortError: The data cannot be used.
    """
    run.record(as_yaml(plan), (), {f"seed {seed}": seed for seed in plan.seeds}, resume=True)
    directions = [Direction(annotated) for annotated in plan.annotated]
    units = [(seed, number) for seed in plan.seeds for number in range(plan.folds)]
    mine = units if shard is None else units[shard[0] - 1 :: shard[1]]
    for seed in dict.fromkeys(seed for seed, _ in mine):
        of_seed = PaintedRun(run.inner(f"seed-{seed}"), plan, data, seed)
        for direction in directions:
            for number in [number for each, number in mine if each == seed]:
                anew = of_seed.fold(number, direction)
                if shard is None and (anew or (seed, number) == units[-1]):  # what is done is pooled once
                    write_people_results(
                        *(run.inner(direction.annotated), direction, plan.unseen(direction.annotated)),
                        same_people=True,
                        title=f"{plan.title}: {direction.annotated} annotated",
                        notes=NOTES,
                        likeness=likeness_of(of_seed.painted, direction.annotated, plan.unseen(direction.annotated)),
                    )
    return directions


def likeness_of(painted: Cohort, annotated: str, unseen: Sequence[str]) -> dict[str, Likeness]:
    """How like the annotated lesions those of each unseen set are, in contrast, volume and depth."""
    found = overlaps(painted.where(pathology=annotated), {name: painted.where(pathology=name) for name in unseen})
    return {
        one.name: Likeness("near-unseen" if one.contrast >= NEAR else "far-unseen", one.contrast, one.volume, one.depth)
        for one in found
    }
