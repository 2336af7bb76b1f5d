"""Refuses scans that a model has already learned from: what it scores on them says nothing about new ones."""

from __future__ import annotations

from collections.abc import Sequence

from pseudohealthy.errors import LeakError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import sha256
from pseudohealthy.stages.model_folder import Model

STAGES = ("reconstructor", "segmenter")


def refuse_seen(cohort: Cohort, model: Model, role: str, stages: Sequence[str] = STAGES) -> None:
    """Refuse a cohort that holds a file from which the model has learned, under whatever name.

    Raises:
        LeakError: There is one.
    """
    learned = {content for stage in stages for content in model.trained_on.get(stage, {}).values()}
    seen = [case.name for case in cohort if sha256(case.image) in learned]
    if seen:
        raise LeakError(
            role,
            found=f"{', '.join(seen)}, from which the model has learned",
            needed="scans of other subjects",
            fix="Leave them out, or train without them.",
        )
