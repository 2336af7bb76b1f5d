import copy

import pytest
import torch
from monai.networks.nets.dynunet import DynUNet
from safetensors.torch import load, save

from pseudohealthy.models.segmenters.nnunet import (
    NnUNet,
    NnUNet3dSettings,
    NnUNetSettings,
    dice_and_cross_entropy,
    halvings,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return NnUNet(NnUNetSettings(features=(4, 8, 8, 8, 8)))


@pytest.fixture
def network_3d():
    torch.manual_seed(0)
    return NnUNet(NnUNet3dSettings(features=(4, 8, 8, 8, 8), slab=8))


def squares(n, seed=0):
    """Grey slices with a dark square somewhere."""
    rng = generator(seed)
    x, label = 0.8 + 0.05 * torch.randn(n, 1, 32, 32, generator=rng), torch.zeros(n, 1, 32, 32)
    for row, (i, j) in enumerate(torch.randint(0, 24, (n, 2), generator=rng).tolist()):
        label[row, 0, i : i + 8, j : j + 8] = 1
    return x - 0.4 * label, label


def test_it_computes_what_dynunet_computes(network):
    x = torch.rand(2, 1, 32, 48, generator=generator())
    whole = DynUNet(2, 1, 1, [3] * 5, [1, 2, 2, 2, 2], [2] * 4, (4, 8, 8, 8, 8), deep_supervision=True, deep_supr_num=2)
    assert whole.load_state_dict(network.network.state_dict(), strict=False).unexpected_keys == []
    torch.testing.assert_close(network(x, None), whole.eval()(x))
    stacked = whole.train()(x)
    assert [tuple(each.shape[-2:]) for each in network.levels(x)] == [(32, 48), (16, 24), (8, 12)]
    for level, logits in enumerate(network.levels(x)):
        enlarged = torch.nn.functional.interpolate(logits, (32, 48))
        torch.testing.assert_close(enlarged, stacked[:, level])


def test_in_3d_it_computes_what_dynunet_computes_of_slabs(network_3d):
    slabs = torch.rand(2, 1, 8, 32, 48, generator=generator())
    strides = [(2, 2, 2), *[(1, 2, 2)] * 3]
    whole = DynUNet(
        *(3, 1, 1, [3] * 5, [1, *strides], strides, (4, 8, 8, 8, 8)), deep_supervision=True, deep_supr_num=2
    )
    assert whole.load_state_dict(network_3d.network.state_dict(), strict=False).unexpected_keys == []
    slices = torch.cat([slab[0, :, None] for slab in slabs])  # (slice, 1, y, x), one slab after the other
    expected = torch.cat([slab[0, :, None] for slab in whole.eval()(slabs)])
    torch.testing.assert_close(network_3d(slices, None), expected)
    assert [tuple(each.shape[2:]) for each in network_3d.levels(slabs)] == [(8, 32, 48), (4, 16, 24), (4, 8, 12)]


def test_in_3d_neighbours_matter_inside_a_slab_and_nowhere_else(network_3d):
    x = torch.rand(16, 1, 32, 32, generator=generator())
    other = x.clone()
    other[2] += 0.5
    before, after = network_3d(x, None), network_3d(other, None)
    assert before.shape == x.shape
    touched = (before != after).flatten(1).any(dim=1)
    assert touched.tolist() == [True] * 8 + [False] * 8


@pytest.mark.parametrize(
    ("slab", "heights"), [(16, [16, 8, 4, 4]), (8, [8, 4, 4, 4]), (12, [12, 6, 6, 6]), (9, [9] * 4), (2, [2] * 4)]
)
def test_a_slab_is_halved_as_long_as_four_slices_are_left(slab, heights):
    strides = halvings(slab, 3)
    assert [slab // int(torch.tensor([1, *(z for z, _, _ in strides[:i])]).prod()) for i in range(4)] == heights
    assert {stride[1:] for stride in strides} == {(2, 2)}
    network = NnUNet(NnUNet3dSettings(features=(2, 2, 2, 2), slab=slab))
    assert network(torch.rand(slab, 1, 16, 16, generator=generator()), None).shape == (slab, 1, 16, 16)


def test_single_slices_are_no_slab():
    with pytest.raises(ValueError, match="slab 1 is not 2 or more"):
        NnUNet3dSettings(slab=1)


def test_in_3d_the_loss_compares_slabs(network_3d, monkeypatch):
    x, label = squares(16)
    weight = torch.rand(16, 1, 32, 32, generator=generator(1))
    given = []

    def watched(logits, label, weight):
        given.append((tuple(logits.shape), label, weight))
        return torch.tensor(0.0)

    monkeypatch.setattr("pseudohealthy.models.segmenters.nnunet.dice_and_cross_entropy", watched)
    network_3d.loss(x, None, label, weight)
    assert [shape for shape, _, _ in given] == [(2, 1, 8, 32, 32), (2, 1, 4, 16, 16), (2, 1, 4, 8, 8)]
    for slab in range(2):
        for found, expected in zip(given[0][1:], (label, weight), strict=True):
            assert torch.equal(found[slab, 0], expected[8 * slab : 8 * slab + 8, 0])
    assert torch.equal(given[1][1][1, 0], label[8::2, 0, ::2, ::2])


def test_its_weights_go_through_a_weight_file(network):
    x = torch.rand(1, 1, 32, 32, generator=generator())
    torch.manual_seed(1)
    other = NnUNet(NnUNetSettings(features=(4, 8, 8, 8, 8)))
    other.load_state_dict(load(save(network.state_dict())))
    assert torch.equal(network(x, None), other(x, None))


def test_the_loss_is_dice_and_cross_entropy_of_the_pixels_that_count():
    logits = torch.randn(2, 1, 4, 4, generator=generator())
    label = (torch.rand(2, 1, 4, 4, generator=generator(1)) > 0.5).float()
    weight = torch.ones_like(label)
    weight[0] = 0
    p, y = logits[1].sigmoid(), label[1]
    dice = 2 * (p * y).sum() / (p.sum() + y.sum())
    cross_entropy = -(y * p.log() + (1 - y) * (1 - p).log()).sum() / label.numel()
    torch.testing.assert_close(dice_and_cross_entropy(logits, label, weight), cross_entropy - dice)
    changed = label.clone()
    changed[0] = 1 - changed[0]
    assert torch.equal(dice_and_cross_entropy(logits, changed, weight), dice_and_cross_entropy(logits, label, weight))


def test_finer_resolutions_weigh_twice_as_much(network, monkeypatch):
    x, label = squares(2)
    monkeypatch.setattr(network, "levels", lambda x: [torch.zeros(2, 1, 32 >> i, 32 >> i) for i in range(3)])
    parts = []

    def counted(logits, label, weight):
        parts.append(tuple(logits.shape))
        return torch.tensor({32: 7.0, 16: 0.7, 8: 0.07}[logits.shape[-1]])

    monkeypatch.setattr("pseudohealthy.models.segmenters.nnunet.dice_and_cross_entropy", counted)
    total = network.loss(x, None, label, torch.ones_like(label))
    assert parts == [(2, 1, 32, 32), (2, 1, 16, 16), (2, 1, 8, 8)]
    assert float(total) == pytest.approx(7 * 4 / 7 + 0.7 * 2 / 7 + 0.07 / 7)


def test_it_learns_squares(network):
    held_out, before = squares(16, seed=99), copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    for step in range(30):
        x, label = squares(8, seed=step)
        optimiser.zero_grad()
        network.loss(x, None, label, torch.ones_like(label)).backward()
        optimiser.step()
    x, label = held_out
    with torch.no_grad():
        untrained, trained = (
            float(torch.nn.functional.binary_cross_entropy_with_logits(each(x, None), label))
            for each in (before, network)
        )
    assert trained < 0.7 * untrained
