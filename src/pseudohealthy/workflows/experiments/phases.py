"""The phases with which every experiment ends, and the minutes of all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pseudohealthy.io.cohort import Cohort
from pseudohealthy.stages.calibrate import calibrate
from pseudohealthy.stages.model_folder import Model, save_model
from pseudohealthy.stages.progress import progress
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import Evaluation, evaluate_cohort
from pseudohealthy.workflows.experiments.kept import pages_in


def calibrate_and_test(
    run: RunFolder,
    models: Sequence[Model],
    cohort: Cohort,
    clock: Clock,
    betas: Sequence[float] = (),
    *,
    baselines: bool = True,
    pictures: bool = True,
) -> Evaluation:
    """Find thresholds on the split `calibration`, write `run/model`, the first model's, and score the split `test`."""
    with progress(run, "calibrate", len(cohort.split("calibration"))) as advance:
        calibrated = calibrate(models, cohort.split("calibration"), advance=advance, baselines=baselines)
    save_model(calibrated[0], run.path / "model")
    clock.lap("calibrate")
    with progress(run, "evaluate", len(cohort.split("test"))) as advance:
        evaluation = evaluate_cohort(
            calibrated,
            cohort.split("test"),
            advance=advance,
            betas=betas,
            baselines=baselines,
            pictures=pictures,
            pages=pages_in(run.path) if pictures else None,
        )
    clock.lap("evaluate")
    return evaluation


def sizes(models: Sequence[Model], cohort: Cohort) -> Mapping[str, str]:
    """Sizes of the networks and of what they learned from."""
    stage_1 = sum(p.numel() for p in models[0].reconstructor.parameters())
    sizes = {m.recipe.segmenter.method: m.segmenter for m in models if m.segmenter is not None}
    networks = ", ".join(
        f"{name} {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M" for name, network in sizes.items()
    )
    return {
        "Stage I": f"{stage_1 / 1e6:.2f} M parameters, {len(cohort.split('train'))} healthy scans",
        "Stage II": f"{networks} parameters, {len(cohort.split('annotated'))} annotated scans",
    }


class Clock:
    """Minutes of each phase, told as they pass."""

    def __init__(self, run: RunFolder) -> None:
        self._run, self._last = run, time.monotonic()
        self.minutes: dict[str, float] = {}

    @property
    def told(self) -> str:
        """Every phase in one line."""
        return ", ".join(f"{phase} {minutes:.1f}" for phase, minutes in self.minutes.items())

    def lap(self, phase: str) -> None:
        """End a phase."""
        now = time.monotonic()
        self.minutes[phase] = (now - self._last) / 60
        self._last = now
        self._run.log(f"{phase}: {self.minutes[phase]:.1f} minutes")
