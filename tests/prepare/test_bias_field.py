"""The bias field: found where there is one, divided out, and put back."""

import numpy as np
import pytest

from conftest import WHITE, make_brain, world_mm
from pseudohealthy.prepare.bias_field import find_bias_field
from pseudohealthy.prepare.brain_mask import brain_mask

AXES = 5 * np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # stored sagittally: the field has to find its way


@pytest.fixture(scope="module")
def brain():
    return make_brain(AXES)


@pytest.fixture(scope="module")
def field(brain):
    """It rises from the left to the right, and from below upwards."""
    x, _, z = world_mm(brain)
    return np.exp(0.25 * x / 68 + 0.15 * z / 66)


@pytest.fixture(scope="module")
def uneven(brain, field):
    return brain.like((brain.data * field).astype(np.float32))


@pytest.fixture(scope="module")
def found(brain, uneven):
    return find_bias_field(uneven, brain_mask(brain))


def spread(image, brain):
    """Coefficient of variation of the white matter."""
    white = image.data[np.abs(brain.data - WHITE) < 100]
    return white.std() / white.mean()


def test_a_field_is_found_and_divided_out(brain, field, uneven, found) -> None:
    even, mask = found.remove(uneven), brain_mask(brain)
    assert spread(uneven, brain) > 0.1
    assert spread(even, brain) < 0.045
    taken = np.log(uneven.data[mask.data] / even.data[mask.data])
    assert np.corrcoef(taken, np.log(field[mask.data]))[0, 1] > 0.97


def test_the_brightness_of_the_scan_stays(brain, uneven, found) -> None:
    mask = brain_mask(brain).data
    assert np.log(uneven.data[mask] / found.remove(uneven).data[mask]).mean() == pytest.approx(0, abs=0.02)


def test_what_was_divided_out_is_put_back(uneven, found) -> None:
    assert np.allclose(found.restore(found.remove(uneven)).data, uneven.data, rtol=1e-5)


def test_an_even_scan_stays_as_it_is_and_the_same_scan_has_the_same_field(brain) -> None:
    first, second = (find_bias_field(brain, brain_mask(brain)) for _ in range(2))
    assert np.array_equal(first.log_field.data, second.log_field.data)
    inside = brain.data > 100
    assert np.abs(first.remove(brain).data[inside] / brain.data[inside] - 1).mean() < 0.03
