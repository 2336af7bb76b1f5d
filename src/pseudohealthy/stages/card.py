"""The model card: what a stranger must know before using a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEMPLATE = """---
library_name: pseudohealthy
tags: [brain-mri, anomaly-segmentation, pseudo-healthy]
---
# {row}

A `pseudohealthy` model folder: {method}. Research software, not a medical device.

- **Stage I** ({reconstructor}) learned from {healthy} healthy scans.
- **Stage II**: {stage_2}
- **Grid**: `{grid}` in the space `{space}`; intensity scale, noise seed and thresholds travel in this folder.
- **Score**: beta = {beta} on the unsupervised map `{map}`.

Use: `pseudohealthy predict THIS_FOLDER scan.nii.gz --out results`

What deviates from the scans it learned from is called anomalous: other scanners, ages or sequences deviate too.
Calibrate it on healthy scans of your own (`pseudohealthy calibrate`) before reading its masks.
"""


def card(
    row: str, recipe: Mapping[str, Any], trained_on: Mapping[str, Mapping[str, str]], healthy: int, *, alone: bool
) -> str:
    """The text of a model folder's `README.md`; `alone` is a model without Stage II."""
    annotated = len(trained_on.get("segmenter", ()))
    synthetic = recipe["supervision"]["synthetic"]
    if alone:
        stage_2 = "none; the score is the unsupervised map alone."
    else:
        stage_2 = (
            f"`{recipe['segmenter']['method']}` learned from {annotated} annotated scans"
            f"{'' if synthetic == 'none' else f' and synthetic anomalies ({synthetic})'}."
        )
    return TEMPLATE.format(
        row=row,
        method=_method(recipe["reconstructor"]["method"], alone=alone),
        reconstructor=recipe["reconstructor"]["method"],
        healthy=healthy,
        stage_2=stage_2,
        grid=recipe["grid"],
        space=recipe["space"],
        beta=recipe["score"]["beta"],
        map=recipe["score"]["map"],
    )


def _method(reconstructor: str, *, alone: bool) -> str:
    if reconstructor == "cddpm":
        return f"{'the unsupervised part of ' if alone else ''}SADM (Behrendt et al., MIDL 2024)"
    return f"the method `{reconstructor}`{'' if alone else ' with a segmenter'} (source: docs/concepts/methods.md)"
