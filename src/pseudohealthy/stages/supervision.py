"""What Stage II learns from, and what it cannot be trained on or with."""

from __future__ import annotations

from dataclasses import dataclass

from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.errors import CohortError, ConfigError, ModelFolderError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.splits import refuse_leaks
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.processor import refuse_training_precision
from pseudohealthy.stages.recipe import Recipe
from pseudohealthy.stages.refuse import refuse_seen, refuse_unmasked
from pseudohealthy.stages.slabs import refuse_slabs, slab_of


@dataclass(frozen=True)
class Supervision:
    """The scans that Stage II learns from; either may be empty, not both.

    Attributes:
        healthy: Scans that synthetic anomalies are painted on (they may be those of Stage I).
        annotated: Scans with lesion masks, of subjects that Stage I has not seen.
        validation: Scans of other subjects, annotated ones or healthy ones to paint on.
    """

    healthy: Cohort
    annotated: Cohort
    validation: Cohort


def refuse_stage_2(
    recipe: Recipe, *, painting: bool, annotated: bool, reference: str = "reconstruction", parts: int = 1
) -> None:
    """Refuse what no Stage II can be trained with, whatever the scans: before Stage I is trained for it.

    Args:
        recipe: Of both stages.
        painting: Whether synthetic anomalies will be painted.
        annotated: Whether there are annotated scans.
        reference: See `train_segmenter`.
        parts: See `refuse_slabs`.

    Raises:
        ConfigError: See `train_segmenter`.
        ModelFolderError: Stage I reconstructs nothing.
    """
    network = RECONSTRUCTORS[recipe.reconstructor.method][1]
    if reference == "reconstruction" and not getattr(network, "reconstructs", True):  # typed as what makes one
        raise ModelFolderError(
            f"reconstructor {recipe.reconstructor.method}",
            found="a method that reconstructs nothing",
            needed="a pseudo-healthy reconstruction, which Stage II compares the scan with",
            fix="Train Stage I with another method, such as cddpm.",
        )
    refuse_training_precision(recipe.segmenter_training)
    refuse_slabs(slab_of(recipe), recipe, painting=painting, parts=parts)
    share, size = recipe.supervision.synthetic_share, recipe.segmenter_training.batch_size
    if painting and annotated and share < 1 and not 0 < round(size * share) < size:
        raise ConfigError(
            f"supervision.synthetic_share {share:g}",
            found=f"{round(size * share)} synthetic slices in a batch of {size}, beside annotated scans",
            needed="at least one of each kind",
            fix=(f"Give a share from {1 / size:g} to {1 - 1 / size:g}" if size > 1 else "Give a batch of 2 or more")
            + ", a share of 1 to learn from synthetic anomalies alone, or --synthetic none for annotated scans alone.",
        )


def refuse_scans(scans: Supervision, stage_1: Model, synthetic: str) -> bool:
    """Refuse scans that are too few, without masks, on two sides, or that Stage I knows.

    Args:
        scans: What to learn from.
        stage_1: The model with the reconstructor.
        synthetic: What is painted on the healthy ones; `none`: nothing.

    Returns:
        Whether anything will be painted.

    Raises:
        CohortError: Nothing to learn from or to validate on, or scans without the masks that are needed.
        LeakError: A subject is on two sides, or Stage I has learned from an annotated one.
    """
    painting = synthetic in ANOMALIES
    if synthetic != "none" and not len(scans.healthy):
        raise CohortError(
            f"supervision.synthetic {synthetic}",
            found="no healthy scan to paint on",
            needed="healthy scans in split 'train'",
            fix="Mark them with 'train' in the split column of the cohort table, or give --synthetic none.",
        )
    if not len(scans.annotated) and not painting:
        raise CohortError(
            "training scans of Stage II",
            found="no annotated scans and no synthetic anomalies",
            needed="lesion masks, or '--synthetic draem' with healthy scans",
            fix="Add lesion masks to the cohort, or choose a generator.",
        )
    if not len(scans.validation):
        raise CohortError(
            "validation scans of Stage II",
            found="none",
            needed="at least one, annotated or healthy",
            fix="Mark scans with 'validation' in the split column of the cohort table.",
        )
    bare = [case.name for case in scans.annotated if case.lesion_mask is None]
    if bare:
        raise CohortError(
            "annotated scans", found=f"no lesion mask for {', '.join(bare)}", needed="one a scan", fix="Add the masks."
        )
    refuse_unmasked(scans.healthy, "healthy scans of Stage II")
    refuse_unmasked(scans.validation, "validation scans of Stage II")
    refuse_seen(scans.annotated, stage_1, "annotated scans", ("reconstructor",))
    sides = {"annotated": scans.annotated, "validation": scans.validation}
    refuse_leaks({role: cohort for role, cohort in sides.items() if len(cohort)})
    if len(scans.healthy):
        refuse_leaks({"healthy": scans.healthy, "validation": scans.validation})
    return painting


def refuse_unmarked_slabs(validation: Cohort) -> None:
    """A network of slabs is validated on lesions: blobs are painted slice by slice."""
    if not len(validation.annotated):
        raise CohortError(
            "validation scans of Stage II",
            found="no lesion mask",
            needed="annotated scans, where the segmenter sees slabs: on slabs nothing is painted",
            fix="Mark annotated scans with 'validation' in the split column of the cohort table.",
        )
