"""What every synthetic anomaly must keep."""

from dataclasses import replace

import pytest
import torch

from pseudohealthy.data import anomalies
from pseudohealthy.data.anomalies import ANOMALIES, SOFT


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(n, seed=0):
    mask = torch.zeros(n, 1, 40, 32, dtype=torch.bool)
    mask[..., 5:36, 4:27] = True
    return 1.5 * torch.rand(n, 1, 40, 32, generator=generator(seed)) * mask, mask


@pytest.fixture(params=ANOMALIES)
def generate(request):
    return ANOMALIES[request.param]


def test_paint_stays_inside_the_brain_and_inside_the_range(generate):
    x, mask = batch(60)
    painted, label = generate(x, mask, generator(1))
    assert painted.shape == label.shape == x.shape
    assert painted.dtype == label.dtype == torch.float32
    assert painted.min() >= 0
    assert painted.max() <= 1.5
    assert (painted[~mask] == 0).all()
    assert (label[~mask] == 0).all()
    if generate in [ANOMALIES[name] for name in SOFT]:
        assert 0 < label[label > 0].min() < label.max() <= 1
    else:
        assert set(label.unique().tolist()) == {0.0, 1.0}


def test_a_slice_without_label_is_untouched_and_the_share_is_the_probability(generate):
    x, mask = batch(400)
    painted, label = generate(x, mask, generator(2))
    empty = label.sum((1, 2, 3)) == 0
    assert float(empty.float().mean()) == pytest.approx(0.5, abs=0.1)
    changed = (painted != x).any(3).any(2).any(1)
    assert torch.equal(changed, ~empty)


def test_probability_is_a_setting(generate):
    x, mask = batch(30)
    never, label = replace(generate, probability=0.0)(x, mask, generator(1))
    assert torch.equal(never, x)
    assert label.sum() == 0
    assert (replace(generate, probability=1.0)(x, mask, generator(1))[1].sum((1, 2, 3)) > 0).all()


def test_the_same_generator_state_paints_the_same(generate):
    x, mask = batch(10)
    before = x.clone()
    first, again, other = (generate(x, mask, generator(seed)) for seed in (7, 7, 8))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert torch.equal(x, before)  # the input is not written to


def test_draws_depend_on_the_batch_size_alone(generate):
    (x, mask), states = batch(10), []
    for image, brain in ((x, mask), (0 * x, mask), (x, torch.zeros_like(mask))):
        rng = generator(3)
        generate(image, brain, rng)
        states.append(rng.get_state())
    assert torch.equal(states[0], states[1])
    assert torch.equal(states[0], states[2])


def test_a_slice_without_brain_gets_no_anomaly(generate):
    x, mask = batch(12)
    nothing = torch.zeros_like(mask)
    painted, label = generate(0 * x, nothing, generator(1))
    assert painted.abs().sum() == 0
    assert label.sum() == 0


def test_labelled_pixels_differ_from_the_host(generate):
    x, mask = batch(200)
    painted, label = replace(generate, probability=1.0)(x, mask, generator(5))
    change = ((painted - x).abs() * label).sum((1, 2, 3)) / label.sum((1, 2, 3))
    assert change.median() > 0.1
    assert (change > 0.03).float().mean() > 0.95


def test_a_new_generator_is_one_line_in_the_table(monkeypatch):
    def paint_all(x, mask, rng):
        return torch.where(mask, 1.0, x), mask.float()

    monkeypatch.setitem(anomalies.ANOMALIES, "all", paint_all)
    x, mask = batch(2)
    painted, label = anomalies.ANOMALIES["all"](x, mask, generator())
    assert torch.equal(painted, mask.float())
    assert torch.equal(label, mask.float())


def test_everything_is_made_on_the_device_of_the_images_and_nothing_is_read_back(generate):
    """The meta device stands for an accelerator: operations across devices and reads of values fail on it."""
    x, mask = batch(4)
    painted, label = generate(x.to("meta"), mask.to("meta"), generator())
    assert painted.device.type == label.device.type == "meta"
    assert painted.shape == label.shape == x.shape


@pytest.mark.parametrize("name", sorted(ANOMALIES))
def test_paint_does_not_depend_on_the_precision_of_the_training(name):
    x = 0.2 + 0.8 * torch.rand(4, 1, 48, 40, generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(x, dtype=torch.bool)
    expected = ANOMALIES[name](x, mask, torch.Generator().manual_seed(1))
    with torch.autocast("cpu", torch.bfloat16):
        found = ANOMALIES[name](x, mask, torch.Generator().manual_seed(1))
    assert all(map(torch.equal, found, expected))
