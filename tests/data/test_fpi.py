import pytest
import torch

from pseudohealthy.data.fpi import FpiAnomaly


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_label_is_the_interpolation_factor():
    x = torch.tensor([0.2, 1.0]).view(2, 1, 1, 1).expand(2, 1, 30, 24)
    mask = torch.ones_like(x, dtype=torch.bool)
    painted, label = FpiAnomaly(probability=1.0)(x, mask, generator())
    other = x.flip(0)  # of two slices each is the other's foreign one
    torch.testing.assert_close((painted - x) / (other - x), label)
    for row in label:
        assert len(row[row > 0].unique()) == 1


def test_factors_and_widths_fill_their_ranges():
    mask = torch.ones(500, 1, 100, 100, dtype=torch.bool)
    label = FpiAnomaly(probability=1.0).factors(mask, generator())
    factor = label.amax((1, 2, 3))
    assert factor.min() == pytest.approx(0.05, abs=0.02)
    assert factor.max() == pytest.approx(0.95, abs=0.02)
    edge = (label > 0).any(3).sum(2)
    assert edge.max() in range(39, 42)  # 0.4 of 100 rows
    whole = (label[:, :, [0, -1]].sum((1, 2, 3)) + label[..., [0, -1]].sum((1, 2, 3))) == 0
    assert edge[whole].min() in range(9, 12)
    assert ((label > 0).sum((1, 2, 3))[whole] == edge[whole, 0] ** 2).all()  # squares


def test_a_patch_shows_where_both_brains_are():
    mask = torch.zeros(2, 1, 20, 20, dtype=torch.bool)
    mask[0, :, :12], mask[1, :, 8:] = True, True
    x = torch.tensor([0.3, 0.9]).view(2, 1, 1, 1) * mask
    painted, label = FpiAnomaly(probability=1.0, width=(3.0, 3.0), factor=(1.0, 1.0))(x, mask, generator())
    both = mask[:1] & mask[1:]
    assert torch.equal(label > 0, both.expand(2, 1, 20, 20))
    assert torch.equal(painted[0][both[0]], x[1][both[0]])
    assert torch.equal(painted[0][~both[0]], x[0][~both[0]])
