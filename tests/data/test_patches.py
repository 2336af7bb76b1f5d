import torch

from pseudohealthy.data.patches import brain_of, eroded, foreign, moved


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_no_slice_meets_itself_and_each_is_used_once():
    x = torch.arange(9.0).view(9, 1, 1, 1)
    seen = set()
    for seed in range(20):
        other, _ = foreign(x, x > 0, generator(seed))
        assert (other != x).all()
        assert sorted(other.flatten().tolist()) == list(range(9))
        seen.add(tuple(other.flatten().tolist()))
    assert len(seen) > 15


def test_a_slice_that_is_alone_meets_its_mirror_image():
    x = torch.rand(1, 1, 4, 5, generator=generator())
    other, mask = foreign(x, x > 0.5, generator())
    assert torch.equal(other, x.flip(-1))
    assert torch.equal(mask, x.flip(-1) > 0.5)


def pixel(row, column):
    return torch.full((1, 1, 1, 1), row), torch.full((1, 1, 1, 1), column)


def test_an_image_is_moved_by_whole_pixels():
    x = torch.rand(1, 1, 6, 7, generator=generator())
    values, known = moved(x, torch.ones_like(x, dtype=torch.bool), pixel(1, 2), pixel(3, 5))
    assert torch.equal(values[..., :4, :4], x[..., 2:, 3:])  # row 1 shows row 3, column 2 column 5
    assert torch.equal(known[0, 0], (torch.arange(6)[:, None] < 4) & (torch.arange(7) < 4))


def test_an_image_is_turned_about_the_pixel_that_is_moved():
    x = torch.rand(1, 1, 5, 5, generator=generator())
    mask = torch.ones_like(x, dtype=torch.bool)
    quarter = torch.full((1, 1, 1, 1), torch.pi / 2)
    values, known = moved(x, mask, pixel(2, 2), pixel(2, 2), quarter)
    assert known.all()
    assert torch.equal(values, x.rot90(-1, (2, 3))) or torch.equal(values, x.rot90(1, (2, 3)))


def test_erosion_takes_the_rim_and_the_border_of_the_image():
    mask = torch.ones(1, 1, 6, 6, dtype=torch.bool)
    mask[..., 3, 3] = False
    expected = torch.zeros_like(mask)
    expected[..., 1:5, 1:5] = True
    expected[..., 2:5, 2:5] = False
    assert torch.equal(eroded(mask), expected)


def test_the_brain_is_what_is_not_zero_without_its_gaps():
    mask = torch.zeros(1, 1, 30, 30, dtype=torch.bool)
    mask[..., 5:25, 6:24] = True
    x = 0.5 * mask
    assert torch.equal(brain_of(x), mask)
    x[..., 10:13, 10:14] = 0.0
    assert torch.equal(brain_of(x), mask)
    assert not brain_of(0 * x).any()
