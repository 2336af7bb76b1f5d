"""What another precision does to a prediction, and that it leaves the model as it was."""

from __future__ import annotations

import numpy as np
import pytest
from speed_parts.untrained import untrained

from conftest import make_brain
from pseudohealthy.prepare.model_grid import ModelGrid
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import fingerprint
from pseudohealthy.stages.processor import PRECISIONS, best_device, native_precision
from pseudohealthy.stages.recipe import load_recipe

BF16_TOLERANCE = 0.05
"""Of a score in [0, 1] anywhere in the brain: bf16 has 8 bits, an x^ in [0, 1] is off by up to 0.004."""


def test_bf16_moves_the_score_little_and_leaves_the_model_alone():
    if native_precision(best_device()) != "bf16-mixed":
        pytest.skip("this processor does not multiply bf16")
    model = untrained(load_recipe("smoke"))
    before = fingerprint(model)
    few_slices = ModelGrid("few slices", (80, 96, 3), 2.0)
    scan = prepare_scan(make_brain((5.0, 5.0, 5.0)), few_slices, None, model.recipe.space)
    full, half = (Inference(model, precision).branches(scan) for precision in PRECISIONS)
    for one, other in ((full.unsupervised, half.unsupervised), (full.supervised, half.supervised)):
        assert other.dtype == np.float32
        assert 0 < np.abs(one - other).max() < BF16_TOLERANCE
    assert fingerprint(model) == before
    assert all(weight.is_contiguous() for weight in model.segmenter.parameters())
