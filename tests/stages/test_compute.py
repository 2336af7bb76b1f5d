"""What prediction may compute with, and that it leaves the model as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from speed_parts.untrained import untrained

from conftest import make_brain
from pseudohealthy.errors import ConfigError
from pseudohealthy.prepare.model_grid import ModelGrid
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.stages import compute
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import fingerprint
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.training import best_device, native_precision

BF16_TOLERANCE = 0.05
"""Of a score in [0, 1] anywhere in the brain: bf16 has 8 bits, an x^ in [0, 1] is off by up to 0.004."""


def test_bf16_moves_the_score_little_and_leaves_the_model_alone():
    if native_precision(best_device()) != "bf16-mixed":
        pytest.skip("this processor does not multiply bf16")
    model = untrained(load_recipe("smoke"))
    before = fingerprint(model)
    few_slices = ModelGrid("few slices", (80, 96, 3), 2.0)
    scan = prepare_scan(make_brain((5.0, 5.0, 5.0)), few_slices, None, model.recipe.space)
    full, half = (Inference(model, precision).branches(scan) for precision in compute.PRECISIONS)
    for one, other in ((full.unsupervised, half.unsupervised), (full.supervised, half.supervised)):
        assert other.dtype == np.float32
        assert 0 < np.abs(one - other).max() < BF16_TOLERANCE
    assert fingerprint(model) == before
    assert all(weight.is_contiguous() for weight in model.segmenter.parameters())


def test_bf16_is_refused_where_it_would_be_imitated(monkeypatch):
    monkeypatch.setattr(compute, "native_precision", lambda device: "32-true")
    with pytest.raises(ConfigError, match="avx512_bf16"):
        compute.refuse_precision("bf16", torch.device("cpu"))
    compute.refuse_precision("fp32", torch.device("cpu"))
    with pytest.raises(ConfigError, match="fp32, bf16"):
        compute.refuse_precision("fp8", torch.device("cpu"))


def test_cores_are_to_spare_beside_an_accelerator_or_fewer_threads(monkeypatch):
    monkeypatch.setattr(compute.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    for threads, spare in ((1, True), (2, False)):
        monkeypatch.setattr(compute.torch, "get_num_threads", lambda threads=threads: threads)
        assert compute.cores_to_spare(torch.device("cpu")) is spare
        assert compute.cores_to_spare(torch.device("cuda"))
