import pytest
import torch

from pseudohealthy.data.cutpaste import CutPasteAnomaly


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(n, size_y=96, size_x=80):
    """Slices whose every pixel has a value of its own, with a border of background."""
    mask = torch.zeros(n, 1, size_y, size_x, dtype=torch.bool)
    mask[..., 4:-4, 4:-4] = True
    return (torch.arange(size_y * size_x) + 1).view(1, 1, size_y, size_x) / (size_y * size_x) * mask, mask


def test_a_rectangle_is_a_moved_piece_of_the_same_slice():
    x, mask = numbered(40)
    painted, label = CutPasteAnomaly(probability=1.0, scar=0.0, jitter=0.0)(x, mask, generator())
    for before, after, where in zip(x, painted, label.bool(), strict=True):
        source = torch.searchsorted(before[before > 0], after[where])
        places = (before.flatten() > 0).nonzero()[:, 0][source]
        assert torch.equal(before.flatten()[places], after[where])  # nothing but values of this brain
        shift = where.flatten().nonzero()[:, 0] - places
        assert len(shift.unique()) == 1
    assert (label.sum((1, 2, 3)) > 0).all()


def test_a_scar_is_thin_and_turned_and_made_of_the_same_slice():
    x, mask = numbered(200)
    painted, label = CutPasteAnomaly(probability=1.0, scar=1.0, jitter=0.0)(x, mask, generator())
    values = set(x[0][mask[0]].tolist())
    assert all(set(after[where].tolist()) <= values for after, where in zip(painted, label.bool(), strict=True))
    area = label.sum((1, 2, 3))
    assert area.max() <= 0.3 * 96 * 6 * 1.3
    tall, wide = label.amax(3).sum((1, 2)), label.amax(2).sum((1, 2))
    assert (tall > 3 * wide).sum() > 20  # upright ones
    assert (wide > 1.3 * 6).sum() > 50  # slanting ones


def test_rectangles_have_the_areas_of_the_setting():
    x, mask = numbered(1)
    x, mask = x.expand(600, -1, -1, -1), torch.ones(600, 1, 96, 80, dtype=torch.bool)
    _, label = CutPasteAnomaly(probability=1.0, scar=0.0, area=(0.05, 0.05), aspect=1.0)(x, mask, generator())
    area = label.sum((1, 2, 3))
    assert area.max() == pytest.approx(0.05 * 96 * 80, rel=0.1)  # whole ones; others are cut by the border


def test_jitter_changes_brightness_and_contrast_by_a_tenth_at_most():
    mask = torch.ones(300, 1, 96, 80, dtype=torch.bool)
    x = torch.full(mask.shape, 0.5)
    painted, label = CutPasteAnomaly(probability=1.0)(x, mask, generator())
    change = painted[label > 0] / 0.5
    assert 0.9 - 1e-6 <= change.min() < 0.91
    assert 1.09 < change.max() <= 1.1 + 1e-6
