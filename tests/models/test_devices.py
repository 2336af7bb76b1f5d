"""Networks work where their slices are. The meta device stands for an accelerator: mixed devices fail on it."""

from __future__ import annotations

import pytest
import torch

from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.segmenters import SEGMENTERS


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("method", RECONSTRUCTORS)
def test_a_reconstructor_works_on_the_device_of_the_slices(method):
    settings, make = RECONSTRUCTORS[method]
    network = make(settings()).to("meta")
    x = torch.empty(16, 1, 96, 80, device="meta")
    parts = ["loss", "reconstruct", "views", "draw"]
    if method == "pddpm":  # counts the pixels of its patches, which the meta device cannot
        parts.remove("loss")
    assert {part: getattr(network, part)(x, rng()).device.type for part in parts} == dict.fromkeys(parts, "meta")
    found = network.anomaly_map(x, x > 0, rng())
    assert found is None or found.device.type == "meta"


@pytest.mark.parametrize("method", SEGMENTERS)
def test_a_segmenter_works_on_the_device_of_the_slices(method):
    settings, make = SEGMENTERS[method]
    network = make(settings()).to("meta")
    x = torch.empty(16, 1, 96, 80, device="meta")
    residual = x if network.uses_residual else None
    assert network.loss(x, residual, x, x).device.type == "meta"
    assert network.views(x, torch.stack([x, x])).device.type == "meta"
