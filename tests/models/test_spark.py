import copy

import pytest
import torch
from torch import nn

from pseudohealthy.models.condition import SmallEncoder, condition_encoder, feature_levels
from pseudohealthy.models.reconstructors.cddpm import CDDPM, CDDPMSettings
from pseudohealthy.models.spark import SparK, at_size, sparse


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=["small", "resnet50"])
def spark(request):
    torch.manual_seed(0)
    return SparK(condition_encoder(request.param, 8), width=16)


def slices(n=3, seed=0, size=(96, 80)):
    return torch.rand(n, 1, *size, generator=generator(seed))


def test_the_encoder_sees_slices_on_the_scale_that_it_sees_in_stage_1(spark):
    x, seen = slices(), []
    kept = spark.kept(x, generator())
    first = next(module for module in spark.encoder.modules() if isinstance(module, nn.Conv2d))
    hook = first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        spark.filled(x, kept)
        hook.remove()
    assert (seen[0].min() < -0.9, seen[0].max() > 0.9) == (True, True)


def test_what_several_devices_make_of_batch_normalisation_is_sparse_too():
    torch.manual_seed(0)
    alone = SparK(condition_encoder("resnet50", 8), width=16).encoder.train()
    together = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(alone))
    x = slices()
    kept = SparK(alone, width=16).kept(x, generator())
    levels = []
    for encoder in (alone, together):
        with torch.no_grad(), sparse(encoder, kept):
            levels.append(feature_levels(encoder, x * kept))
    for one, other in zip(*levels, strict=True):
        torch.testing.assert_close(one, other)


def test_what_is_hidden_does_not_leak(spark):
    x, kept = slices(), spark.kept(slices(), generator())
    other = torch.where(kept, x, slices(seed=1))
    with torch.no_grad(), sparse(spark.encoder.train(), kept):
        levels, changed = (feature_levels(spark.encoder, each * kept) for each in (x, other))
    assert len(levels) == 4
    for level, after in zip(levels, changed, strict=True):
        assert torch.equal(level, after)
        hidden = ~at_size(kept, level.shape[-2:]).expand_as(level)
        assert (level[hidden] == 0).all()
        assert (level[~hidden] != 0).any()
    with torch.no_grad():
        assert torch.equal(spark.filled(x, kept), spark.filled(other, kept))


def test_where_all_is_kept_the_encoder_is_itself(spark):
    x = slices(2).double()
    kept = torch.ones_like(x, dtype=torch.bool)
    encoder = copy.deepcopy(spark.encoder).double().train()
    with torch.no_grad():
        dense = feature_levels(copy.deepcopy(encoder), x)
        with sparse(encoder, kept):
            levels = feature_levels(encoder, x)
        for level, expected in zip(levels, dense, strict=True):
            torch.testing.assert_close(level, expected, atol=1e-4, rtol=1e-4)
        assert "forward" not in vars(encoder)
        assert all("forward" not in vars(module) for module in encoder.modules())


def test_normalisation_counts_kept_positions_alone():
    for norm in (nn.GroupNorm(2, 4), nn.BatchNorm2d(4)):
        x = torch.randn(2, 4, 6, 6, generator=generator()) + 3
        kept = torch.zeros(2, 1, 6, 6, dtype=torch.bool)
        kept[..., :2] = True
        with torch.no_grad(), sparse(norm, kept):
            out = norm(x * kept)
        torch.testing.assert_close(out[..., :2], copy.deepcopy(norm).train()(x[..., :2]).detach(), atol=1e-5, rtol=1e-4)
        assert (out[..., 2:] == 0).all()


def test_the_share_of_hidden_cells_is_the_ratio():
    spark = SparK(SmallEncoder(8), mask_ratio=0.65)
    kept = spark.kept(slices(50), generator())
    cells = kept[..., ::16, ::16].flatten(1)
    assert cells.shape == (50, 30)
    assert (cells.sum(1) == 10).all()  # 30 * 0.35 = 10.5
    assert torch.equal(kept, kept[..., ::16, ::16].repeat_interleave(16, 2).repeat_interleave(16, 3))
    assert 0.1 < float(cells.float().mean(0).min()) < float(cells.float().mean(0).max()) < 0.6
    assert torch.equal(kept, spark.kept(slices(50), generator()))


def test_the_loss_counts_hidden_cells_with_brain(monkeypatch):
    spark = SparK(SmallEncoder(8), mask_ratio=0.5)
    x = slices(2, size=(64, 64))
    x[..., :32] = 0  # no brain in the left half
    target, counted = spark.target(x)
    assert torch.equal(counted, (torch.arange(64) >= 32).expand(2, 1, 64, 64))
    cells = target[..., 32:].unfold(2, 16, 16).unfold(3, 16, 16)
    torch.testing.assert_close(cells.mean((-1, -2)), torch.zeros(2, 1, 4, 2), atol=1e-4, rtol=0)
    torch.testing.assert_close(cells.std((-1, -2), correction=0), torch.ones(2, 1, 4, 2), atol=1e-2, rtol=0)
    kept = spark.kept(x, generator(5))
    wrong = torch.where(kept | ~counted, 99.0, target + 2)  # only where it counts is it nearly right
    monkeypatch.setattr(spark, "filled", lambda x, kept: wrong)
    assert float(spark.loss(x, generator(5))) == pytest.approx(4.0, abs=1e-4)


def test_pretraining_trains_the_encoder_of_the_model_in_place():
    torch.manual_seed(0)
    settings = {"widths": (8, 8), "blocks": 1, "unshuffle": 4, "encoder": "small", "condition": 8}
    assert CDDPM(CDDPMSettings(**settings)).pretraining() is None
    network = CDDPM(CDDPMSettings(**settings, pretrain_steps=7, mask_ratio=0.5))
    spark, steps = network.pretraining()
    assert (steps, spark.mask_ratio) == (7, 0.5)
    assert spark.encoder is network.encoder
    x = torch.nn.functional.interpolate(torch.rand(8, 1, 8, 8, generator=generator()), (64, 64), mode="bicubic")
    before = copy.deepcopy(network.encoder.state_dict())
    optimiser = torch.optim.AdamW(spark.parameters(), 3e-3)
    losses = []
    for step in range(50):
        optimiser.zero_grad()
        loss = spark.loss(x, generator(step))
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    changed = [name for name, value in network.encoder.state_dict().items() if not torch.equal(value, before[name])]
    assert set(before) - set(changed) == {"out.weight", "out.bias"}  # the vector's layer comes later


@pytest.mark.parametrize("wrong", [{"pretrain_steps": -1}, {"mask_ratio": 1.0}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CDDPMSettings(**wrong)


def test_it_is_made_where_the_encoder_is():
    assert SparK(SmallEncoder(8).to("meta")).stride == SparK(SmallEncoder(8)).stride
