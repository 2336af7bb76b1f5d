import math

import pytest
import torch

from pseudohealthy.models.diffusion import STEPS, Diffusion, cosine_alpha_bar


def test_cosine_schedule_equals_its_formula():
    alpha_bar = cosine_alpha_bar()

    def signal(t: int) -> float:
        return math.cos((t / STEPS + 0.008) / 1.008 * math.pi / 2) ** 2

    for t in (0, 1, 249, 499, 749, 990):
        assert alpha_bar[t].item() == pytest.approx(signal(t + 1) / signal(0), rel=1e-9)


def test_the_last_beta_is_clipped_so_that_some_signal_is_left():
    assert 0 < cosine_alpha_bar()[-1].item() < 1e-6


def test_noising_keeps_the_variance_of_unit_variance_images():
    rng = torch.Generator().manual_seed(0)
    x, noise = torch.randn(64, 1, 16, 16, generator=rng), torch.randn(64, 1, 16, 16, generator=rng)
    for t in (10, 500, 900):
        noised = Diffusion().add_noise(x, noise, torch.full((64,), t))
        assert noised.var().item() == pytest.approx(1.0, abs=0.05)


def test_noising_is_the_weighted_sum_of_image_and_noise():
    x, noise, t = torch.full((2, 1, 1, 1), 3.0), torch.full((1, 1, 1, 1), 5.0), torch.tensor([100, 800])
    alpha_bar = cosine_alpha_bar()[t].float()
    expected = alpha_bar.sqrt() * 3 + (1 - alpha_bar).sqrt() * 5
    assert torch.allclose(Diffusion().add_noise(x, noise, t).flatten(), expected)


def test_random_steps_cover_the_whole_range():
    t = Diffusion().random_steps(20_000, torch.Generator().manual_seed(0))
    assert t.min() == 0
    assert t.max() == STEPS - 1
    assert t.float().mean().item() == pytest.approx((STEPS - 1) / 2, rel=0.02)
