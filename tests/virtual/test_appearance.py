import numpy as np
import pytest
import torch
from scipy.special import ndtr

from pseudohealthy.virtual.anatomy import Tissues
from pseudohealthy.virtual.appearance import Appearance, Scanner, texture


def pure(gm: float, wm: float, csf: float, t1: float, deep: float) -> Tissues:
    gm_, wm_, csf_, t1_, deep_ = (torch.tensor([value]) for value in (gm, wm, csf, t1, deep))
    return Tissues(gm_, wm_, csf_, torch.zeros(1), t1_, deep_, torch.zeros(1))


@pytest.mark.parametrize("deep", [0.0, 0.4, 1.0])
def test_pure_tissue_has_the_persons_contrast(deep):
    appearance = Appearance(5)
    contrast = appearance.contrast
    assert 0.15 <= contrast.csf < contrast.gm < 0.75
    assert float(appearance.plain(pure(0, 1, 0, 2.0, deep))) == pytest.approx(1.0)
    assert float(appearance.plain(pure(1, 0, 0, 1.0, deep))) == pytest.approx(contrast.gm)
    assert float(appearance.plain(pure(0, 0, 1, 0.0, deep))) == pytest.approx(contrast.csf)


def test_where_the_template_knows_better_it_alone_counts():
    appearance = Appearance(5)
    thalamus = float(appearance.plain(pure(1, 0, 0, 1.5, 1.0)))
    assert thalamus == pytest.approx((1 + appearance.contrast.gm) / 2)


def test_texture_has_the_same_strength_in_any_draw():
    points = torch.from_numpy(np.random.default_rng(0).uniform(-80, 80, (20_000, 3)).astype(np.float32))
    own = Appearance(5).texture(points).std()
    other = texture(np.random.default_rng(1)).at(points)[0].std() * 0.02
    assert float(own) == pytest.approx(float(other), rel=0.06)


AXES = [np.arange(-20, 20, 1.0)] * 3


def test_noise_alone_is_rayleigh():
    """The magnitude of complex noise of standard deviation s has mean s * sqrt(pi / 2)."""
    scanner = Scanner(2)
    image = scanner.acquire(np.zeros((40, 40, 40), np.float32), AXES, 1.0)
    assert image.mean() == pytest.approx(scanner.gain * scanner.noise_sd * np.sqrt(np.pi / 2), rel=0.02)
    assert image.min() > 0


def test_blur_is_gaussian_of_the_stated_width():
    """At a step edge the blurred profile is the normal distribution function."""
    scanner = Scanner(2)
    step = np.zeros((40, 20, 20), np.float32)
    step[20:] = 100.0  # far above the noise
    fine = [0.2 * np.arange(n) for n in step.shape]
    profile = scanner.acquire(step, fine, 0.2).mean(axis=(1, 2)) / scanner.gain
    bias = profile[35] / 100.0  # hardly changes over a few mm
    expected = ndtr(0.2 * (np.arange(40) - 19.5) / scanner.blur_mm)
    assert profile[12:28] / (100.0 * bias) == pytest.approx(expected[12:28], abs=0.01)


def test_coil_sensitivity_is_smooth_and_moderate():
    far = [np.linspace(-80, 80, 21)] * 3
    image = Scanner(3).acquire(np.full((21, 21, 21), 50.0, np.float32), far, 8.0) / 50.0
    image = image / image.mean()
    assert 0.02 < image.std() < 0.2
    assert np.abs(np.diff(image, axis=0)).max() < 0.06


def test_scanners_differ_and_repeat():
    clean = np.ones((5, 5, 5), np.float32)
    axes = [np.arange(5.0)] * 3
    first, again, other = (Scanner(s).acquire(clean, axes, 1.0) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert abs(first.mean() / other.mean() - 1) > 0.02
