import numpy as np

from pseudohealthy.prepare.regions import image_of, overlap, size, start, support


def test_support_is_the_box_of_what_is_not_zero():
    data = np.zeros((10, 12, 14))
    data[3, 4, 5] = -1
    data[6, 2, 5] = 2
    assert support(data, 0) == (slice(3, 7), slice(2, 5), slice(5, 6))
    assert support(data, (1, 0, 20)) == (slice(2, 8), slice(2, 5), slice(0, 14))
    assert size(support(np.zeros((3, 4, 5)), 2)) == (0, 0, 0)


def test_image_of_a_box_holds_the_places_of_its_edges():
    doubled = np.diag([2.0, 2, 2, 1])
    doubled[:3, 3] = [1, 0, -4]
    # edges 0.5 .. 3.5 become 2 .. 8, 1 .. 7, -3 .. 3; the last is cut at 0
    box = (slice(1, 4),) * 3
    assert image_of(box, doubled, (20, 20, 20), 0) == (slice(2, 9), slice(1, 8), slice(0, 4))
    assert image_of(box, doubled, (6, 20, 20), 1) == (slice(1, 6), slice(0, 9), slice(0, 5))


def test_overlap_of_boxes_that_are_apart_has_no_size():
    a, b = (slice(0, 5),) * 3, (slice(2, 9), slice(4, 6), slice(0, 1))
    assert overlap(a, b) == (slice(2, 5), slice(4, 5), slice(0, 1))
    assert size(overlap(a, (slice(7, 9),) * 3)) == (0, 0, 0)
    np.testing.assert_array_equal(start(b), [2, 4, 0])
