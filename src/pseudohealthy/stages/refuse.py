"""Refuses scans whose result would mean nothing: those a model learned from, patients who would count as healthy."""

from __future__ import annotations

from collections.abc import Sequence

from pseudohealthy.errors import CohortError, LeakError
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


def refuse_unmasked(cohort: Cohort, role: str) -> None:
    """Refuse a patient without a lesion mask where scans without one are taken for healthy.

    Raises:
        CohortError: There is one.
    """
    bare = [case.name for case in cohort if case.lesion_mask is None and case.pathology not in ("", "healthy")]
    if bare:
        raise CohortError(
            role,
            found=f"no lesion mask for {', '.join(bare)}, whose pathology is not 'healthy'",
            needed="a lesion mask for each patient: scans without one count as healthy",
            fix="Add the masks, mend the 'pathology' column, or leave these scans out.",
        )
