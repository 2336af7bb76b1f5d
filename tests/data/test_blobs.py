import math

import pytest
import torch

from pseudohealthy.data.blobs import BlobAnomaly


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def flat(n, value=0.6, size=64):
    """A brain of one intensity with a border of background around it."""
    mask = torch.zeros(n, 1, size, size, dtype=torch.bool)
    mask[..., 2:-2, 2:-2] = True
    return value * mask, mask


def test_a_round_blob_has_the_area_of_its_radius():
    mask = torch.ones(60, 1, 64, 64, dtype=torch.bool)
    blob = BlobAnomaly(probability=1.0, most=1, radius=(7.0, 7.0), elongation=1.0, edge=(2.0, 2.0))
    _, label = blob(0.5 * mask, mask, generator(1))
    area = label.sum((1, 2, 3))
    assert float(area.max()) == pytest.approx(math.pi * 49, rel=0.05)  # whole blobs; others are cut by the border
    rows = label.amax((1, 3)).sum(1)
    assert rows.max() == 15  # 2 * 7 + 1: the edge's middle lies at the radius


def test_an_elongated_blob_keeps_its_area():
    mask = torch.ones(200, 1, 64, 64, dtype=torch.bool)
    blob = BlobAnomaly(probability=1.0, most=1, radius=(6.0, 6.0), elongation=3.0, edge=(1.0, 1.0))
    _, label = blob(0.5 * mask, mask, generator(1))
    whole = label[:, 0, [0, -1], :].sum((1, 2)) + label[:, 0, :, [0, -1]].sum((1, 2)) == 0
    area = label[whole].sum((1, 2, 3))
    torch.testing.assert_close(area, torch.full_like(area, math.pi * 36), rtol=0.08, atol=0)
    length = label[whole].amax((1, 3)).sum(1)
    assert length.max() > 17  # up to 2 * 6 * sqrt(3) long
    assert length.min() < 10


def test_centres_are_uniform_over_the_brain():
    mask = torch.zeros(2000, 1, 9, 9, dtype=torch.bool)
    places = torch.tensor([[1, 1], [1, 7], [4, 4], [7, 2]])
    mask[:, 0, places[:, 0], places[:, 1]] = True
    dot = BlobAnomaly(probability=1.0, most=1, radius=(0.6, 0.6), elongation=1.0, edge=(0.1, 0.1))
    _, label = dot(0.5 * mask, mask, generator(1))
    assert torch.equal(label.sum((1, 2, 3)), torch.ones(2000))
    counts = label.sum(0)[0, places[:, 0], places[:, 1]]
    assert ((counts - 500).abs() < 80).all()  # standard deviation 19


def test_the_core_is_multiplied_or_shifted_and_the_edge_is_in_between():
    blob = BlobAnomaly(
        probability=1.0,
        most=1,
        radius=(10.0, 10.0),
        elongation=1.0,
        edge=(3.0, 3.0),
        darker=(0.5, 0.5),
        brighter=(1.5, 1.5),
        shift=(0.2, 0.2),
    )
    x, mask = flat(200)
    painted, label = blob(x, mask, generator(2))
    lowest, highest = painted[mask].view(200, -1).aminmax(dim=1)
    extreme = torch.where(0.6 - lowest > highest - 0.6, lowest, highest)
    kinds = torch.tensor([0.3, 0.9, 0.4, 0.8])  # 0.6 / 2, 0.6 * 1.5, 0.6 - 0.2, 0.6 + 0.2
    nearest = (extreme[:, None] - kinds).abs().min(1)
    assert nearest.values.max() < 1e-6
    assert torch.bincount(nearest.indices, minlength=4).min() > 25  # a quarter each
    change = (painted - 0.6).abs() / (extreme.view(-1, 1, 1, 1) - 0.6).abs() * mask
    clear = (change - 0.5).abs() > 1e-5
    assert torch.equal(label.bool()[clear], change[clear] >= 0.5)
    assert ((change > 0.05) & (change < 0.95)).sum() > 200 * 10  # the edge is soft


def test_the_number_of_blobs_is_uniform_up_to_the_most():
    mask = torch.ones(900, 1, 64, 64, dtype=torch.bool)
    dots = BlobAnomaly(probability=1.0, most=3, radius=(0.6, 0.6), elongation=1.0, edge=(0.1, 0.1))
    _, label = dots(0.5 * mask, mask, generator(1))
    counts = torch.bincount(label.sum((1, 2, 3)).long(), minlength=4)
    assert counts[0] == 0
    assert (counts[1:4] > 240).all()
    assert counts.sum() == 900


def test_bright_blobs_stop_at_the_top_of_the_range():
    x, mask = flat(40, value=1.4)
    painted, _ = BlobAnomaly(probability=1.0)(x, mask, generator(1))
    assert painted.max() == 1.5
