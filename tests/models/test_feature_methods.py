"""Methods that compare frozen features: FAE and RD, on made weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import nn

from made_features import made_checkpoint
from pseudohealthy.models.features import BLOCKS, STRIDES, TOP, WIDTHS, Features, folded
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.reconstructors.fae import FAESettings, structural_distance
from pseudohealthy.models.reconstructors.feature_method import FeatureMethod
from pseudohealthy.models.reconstructors.rd import RD, RDSettings, cosine_distance

TINY: dict[str, dict[str, Any]] = {"fae": {"widths": (16, 24, 32), "zoom": 1}, "rd": {"width": 16, "zoom": 1}}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(method: str) -> FeatureMethod:
    torch.manual_seed(0)
    settings, network = RECONSTRUCTORS[method]
    built = network(settings(**TINY[method]))
    assert isinstance(built, FeatureMethod)
    built.features.load_checkpoint(made_checkpoint())
    return built


def slices(n: int, seed: int) -> torch.Tensor:
    """Smooth slices, (n, 1, 64, 48)."""
    coarse = torch.rand(n, 1, 8, 6, generator=rng(seed))
    return torch.nn.functional.interpolate(coarse, (64, 48), mode="bicubic").clamp(0, 1)


def test_levels_have_the_stated_widths_strides_and_range():
    features = Features(zoom=2)
    features.load_checkpoint(made_checkpoint())
    levels = features(torch.rand(1, 1, 48, 40, generator=rng()))
    assert [tuple(level.shape) for level in levels] == [
        (1, width, 96 // stride, 80 // stride) for width, stride in zip(WIDTHS, STRIDES, strict=True)
    ]
    assert all(level.min() >= 0 and level.max() <= TOP for level in levels)
    assert all(level.std() > 0 for level in levels)


@pytest.mark.parametrize(("conv", "norm"), [("conv_stem", "_bn0"), ("blocks.3.depthwise_conv", "_blocks.3._bn1")])
def test_a_folded_convolution_is_the_convolution_and_its_normalisation(conv, norm):
    checkpoint = made_checkpoint()
    weight = checkpoint[("_blocks.3._depthwise_conv" if "." in conv else "_conv_stem") + ".weight"]
    groups = weight.shape[0] if weight.shape[1] == 1 else 1
    x = torch.randn(2, weight.shape[1] * groups, 9, 8, generator=rng())
    normalised = nn.BatchNorm2d(weight.shape[0], eps=1e-3)
    normalised.load_state_dict(
        {name.removeprefix(f"{norm}."): checkpoint[name] for name in checkpoint if name.startswith(f"{norm}.")},
        strict=False,
    )
    plain = normalised.eval()(nn.functional.conv2d(x, weight, groups=groups))
    as_one = folded(checkpoint, conv)
    merged = nn.functional.conv2d(x, as_one[f"{conv}.weight"], as_one[f"{conv}.bias"], groups=groups)
    assert torch.allclose(plain, merged, atol=1e-4)


@pytest.mark.parametrize("method", TINY)
def test_the_loss_falls_by_a_third_and_the_features_stay_frozen(method):
    network, train, held_out = made(method), slices(16, seed=0), slices(8, seed=1)
    frozen = {name: value.clone() for name, value in network.features.state_dict().items()}
    with torch.no_grad():
        before = network.validation_loss(held_out, rng()).item()
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 5e-3)
    for step in range(25):
        optimiser.zero_grad()
        network.loss(train[torch.randperm(16, generator=rng(step))[:4]], rng(step)).backward()
        optimiser.step()
    with torch.no_grad():
        assert network.validation_loss(held_out, rng()).item() < 0.7 * before
    assert all(torch.equal(value, frozen[name]) for name, value in network.features.state_dict().items())


def test_the_loss_of_rd_is_one_minus_the_cosine_of_each_level():
    network, x = made("rd"), slices(3, seed=0)
    assert isinstance(network, RD)
    with torch.no_grad():
        teacher = network.features(x)
        expected = 0.0
        for a, b in zip(teacher, network.student(teacher), strict=True):
            cosine = (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-6)
            expected += (1 - cosine).mean().item()
        assert network.loss(x, rng()).item() == pytest.approx(expected, rel=1e-4)


def test_directions_alone_count_for_rd():
    a = torch.rand(2, 5, 4, 4, generator=rng())
    assert torch.allclose(cosine_distance(a, 3 * a), torch.zeros(2, 1, 4, 4), atol=1e-6)
    assert torch.allclose(cosine_distance(a, -a), torch.full((2, 1, 4, 4), 2.0), atol=1e-5)


def test_the_distance_of_the_fae_is_the_ssim_of_scikit_image():
    a, b = TOP * torch.rand(2, 1, 3, 12, 10, generator=rng())
    found = structural_distance(a, b)[0].numpy()
    for channel in range(3):
        _, similarity = structural_similarity(
            a[0, channel].numpy().astype(float), b[0, channel].numpy().astype(float), win_size=5, data_range=TOP,
            use_sample_covariance=False, full=True,
        )  # fmt: skip
        inner = (slice(2, -2), slice(2, -2))  # borders are filled by other rules
        np.testing.assert_allclose(found[channel][inner], ((1 - similarity) / 2)[inner], atol=1e-4)


@pytest.mark.parametrize("method", TINY)
def test_the_map_is_in_range_inside_the_brain_and_nothing_is_reconstructed(method):
    network, x = made(method), slices(4, seed=0)
    mask = torch.zeros(4, 1, 64, 48, dtype=torch.bool)
    mask[..., 10:50, 8:40] = True
    with torch.no_grad():
        found = network.anomaly_map(x, mask, rng())
        parts = torch.cat([network.anomaly_map(*pair, rng()) for pair in zip(x.split(2), mask.split(2), strict=True)])
    assert found.shape == x.shape
    assert found[mask].min() >= 0
    assert found.max() <= 1
    assert found[mask].std() > 0
    assert not found[~mask].any()
    assert torch.allclose(found, parts, atol=1e-5)
    assert not network.reconstructs
    assert torch.equal(network.reconstruct(x, rng()), x)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [(RDSettings, {"width": 12}), (RDSettings, {"zoom": 0}), (FAESettings, {"widths": (16, 24)})],
)
def test_settings_that_make_no_sense_are_refused_by_name(settings, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        settings(**wrong)


def test_every_block_follows_the_one_before():
    assert all(before[2] == after[0] for before, after in pairwise(BLOCKS))
