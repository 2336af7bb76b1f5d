"""What each method of Stage I is defined by, and what all of them owe to the rest of the house."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pseudohealthy.models.reconstructors import RECONSTRUCTORS, Reconstructor
from pseudohealthy.models.reconstructors.ae import AESettings
from pseudohealthy.models.reconstructors.dae import DAE, DAESettings
from pseudohealthy.models.reconstructors.ddpm import DDPM, DDPMSettings
from pseudohealthy.models.reconstructors.pddpm import PDDPM, PDDPMSettings, starts
from pseudohealthy.models.reconstructors.vae import VAE, VAESettings, kl_divergence

DIFFUSION: dict[str, Any] = {"widths": (16, 16), "blocks": 1, "unshuffle": 4}
TINY: dict[str, dict[str, Any]] = {
    "cddpm": {**DIFFUSION, "encoder": "small", "condition": 16, "test_steps": (250, 500)},
    "ddpm": {**DIFFUSION, "test_steps": (250, 500)},
    "pddpm": {**DIFFUSION, "patch": 16, "stride": 8},
    "ae": {"widths": (8, 16), "latent": 32},
    "vae": {"widths": (8, 16), "latent": 32, "beta": 1e-4},
    "dae": {"widths": (8, 16), "noise_cells": 4},
}
"""Settings of networks that learn in seconds."""


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(method: str, **changed: Any) -> Reconstructor:
    """A tiny network with the same weights each time."""
    torch.manual_seed(0)
    settings, network = RECONSTRUCTORS[method]
    return network(settings(**{**TINY[method], **changed}))


def randomised(network: Reconstructor) -> Reconstructor:
    """The network with no layer left at zero, so that what it is given shows in what it gives."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.eval()


def brains(n: int, seed: int) -> Tensor:
    """Ellipses with a ventricle, each a little different: (n, 1, 32, 24)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 24), indexing="ij")
    sizes = 0.75 + 0.2 * torch.rand(n, 2, 1, 1, generator=rng(seed))
    distance = ((y / sizes[:, 0]) ** 2 + (x / sizes[:, 1]) ** 2).sqrt()
    tissue = torch.where(distance < 0.3, 0.3, torch.where(distance < 0.8, 1.0, 0.7))
    return torch.where(distance < 1, tissue, 0.0)[:, None]


@pytest.mark.parametrize("method", TINY)
def test_the_error_on_other_healthy_slices_falls_by_a_third_in_seconds(method):
    network, train, held_out = made(method), brains(32, seed=0), brains(8, seed=1)

    def error() -> float:
        with torch.no_grad():
            return float((network.reconstruct(held_out, rng()) - held_out).abs().mean())

    before = error()
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    for step in range(40):
        optimiser.zero_grad()
        chosen = torch.randperm(32, generator=rng(step))[:8]
        network.loss(train[chosen], rng(step)).backward()
        optimiser.step()
    assert error() < 0.7 * before


@pytest.mark.parametrize("method", TINY)
def test_views_draws_and_reconstructions_are_slices_and_follow_from_the_generator(method):
    network, x = randomised(made(method)), brains(4, seed=0)
    with torch.no_grad():
        views, drawn, whole = network.views(x, rng(2)), network.draw(x, rng(2)), network.reconstruct(x, rng(2))
        assert views.shape[1:] == drawn.shape == whole.shape == x.shape
        assert torch.allclose(views.mean(dim=0), whole, atol=1e-6)
        assert torch.equal(network.draw(x, rng(2)), drawn)
        parts = torch.cat([network.views(part, rng(2)) for part in x.split(2)], dim=1)
        assert torch.allclose(views, parts, atol=1e-5)


@pytest.mark.parametrize("method", TINY)
def test_slices_of_both_grids_pass_through_the_defaults_of_a_method(method):
    settings = RECONSTRUCTORS[method][0]
    network = made(method) if method == "cddpm" else RECONSTRUCTORS[method][1](settings())
    for size in ((96, 80), (96, 96)):
        with torch.no_grad():
            assert network.reconstruct(torch.rand(1, 1, *size), rng()).shape == (1, 1, *size)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (AESettings, {"latent": 0}),
        (AESettings, {"widths": (6,)}),
        (VAESettings, {"beta": -1.0}),
        (VAESettings, {"test_samples": -1}),
        (DAESettings, {"noise_sd": 0.0}),
        (DAESettings, {"noise_cells": 0}),
        (DAESettings, {"widths": ()}),
        (DDPMSettings, {"noise": "pink"}),
        (DDPMSettings, {"test_steps": (0,)}),
        (PDDPMSettings, {"patch": 0}),
        (PDDPMSettings, {"stride": 49}),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(settings, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        settings(**wrong)


def test_the_divergence_of_the_vae_is_that_of_torch():
    mean, log_variance = torch.randn(5, 7, generator=rng(0)), torch.randn(5, 7, generator=rng(1))
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(dim=1)
    assert torch.allclose(kl_divergence(mean, log_variance), expected, atol=1e-5)


def test_the_loss_of_the_vae_is_the_error_and_beta_times_the_divergence():
    x, network = brains(4, seed=0), made("vae", beta=0.5)
    assert isinstance(network, VAE)
    divergence = kl_divergence(*network.encode(x)).mean()
    plain = made("vae", beta=0.0)
    assert network.loss(x, rng()).item() == pytest.approx((plain.loss(x, rng()) + 0.5 * divergence).item(), rel=1e-5)


def test_the_vae_takes_the_mean_of_the_posterior_unless_samples_are_asked_for():
    x, network, sampled = brains(4, seed=0), made("vae"), made("vae", test_samples=3)
    assert isinstance(network, VAE)
    assert torch.equal(network.views(x, rng())[0], network.decode(network.encode(x)[0], x))
    views = sampled.views(x, rng())
    assert len(views) == 3
    assert not torch.allclose(views[0], views[1], atol=1e-4)


def test_the_noise_of_the_dae_is_coarse_has_its_sd_and_stays_inside_the_brain():
    network = DAE(DAESettings(widths=(8,), noise_cells=16, noise_sd=0.2))
    x = torch.ones(200, 1, 96, 80)
    x[..., :40] = 0
    noise = network.noise(x, rng())
    assert not noise[..., :40].any()
    # bilinear weights a, 1 - a along each axis: the variance at a pixel is that of the lattice times (2/3) ** 2
    assert noise[..., 40:].std().item() == pytest.approx(0.2 * 2 / 3, rel=0.05)
    inside = noise[..., 40:]
    neighbours = (inside[..., 1:] * inside[..., :-1]).mean() / inside.square().mean()
    assert neighbours > 0.9


def test_the_target_of_the_dae_is_the_clean_image_and_at_test_time_nothing_is_added(monkeypatch):
    network, x, seen = made("dae"), brains(4, seed=0), []
    assert isinstance(network, DAE)
    monkeypatch.setattr(network.unet, "forward", lambda given, residual: seen.append(given) or given)
    loss = network.loss(x, rng(3))  # a network that changes nothing leaves the noise in the result
    assert torch.allclose(seen[0], x + network.noise(x, rng(3)))
    assert loss.item() == pytest.approx(network.noise(x, rng(3)).square().mean().item())
    assert torch.equal(network.reconstruct(x, rng()), x)


@pytest.mark.parametrize(("noise", "variant"), [("simplex", ""), ("gaussian", "gaussian"), ("pyramid", "pyramid")])
def test_the_ddpm_sees_nothing_but_the_noised_slice_and_is_named_after_its_noise(noise, variant):
    network = made("ddpm", noise=noise)
    assert isinstance(network, DDPM)
    assert network.variant == variant
    assert network.condition(brains(2, seed=0)) is None
    given: list[tuple[Any, ...]] = []
    network.denoiser.forward = lambda *args: given.append(args) or args[0]  # type: ignore[method-assign]
    x, maps, t = brains(2, seed=0), torch.randn(1, 1, 32, 24, generator=rng()), torch.tensor([10, 900])
    network.estimate(x, maps, t)
    assert torch.allclose(given[0][0], network.diffusion.add_noise(2 * x - 1, maps, t))
    assert given[0][2] is None


def test_the_pddpm_noises_the_patch_alone():
    network, x = made("pddpm"), brains(2, seed=0)
    assert isinstance(network, PDDPM)
    given: list[Tensor] = []
    network.denoiser.forward = lambda noised, t: given.append(noised) or noised  # type: ignore[method-assign]
    maps, t = torch.randn(2, 1, 32, 24, generator=rng()), torch.tensor([500, 500])
    inside = network.inside(x, [(8, 4), (0, 0)])
    network.restored(x, maps, t, inside)
    noised = network.diffusion.add_noise(2 * x - 1, maps, t)
    assert inside.sum(dim=(1, 2, 3)).tolist() == [256, 256]
    assert torch.equal(given[0][inside], noised[inside])
    assert torch.equal(given[0][~inside], (2 * x - 1)[~inside])


def test_the_pddpm_learns_inside_the_patch_alone():
    network = made("pddpm")
    assert isinstance(network, PDDPM)
    x = brains(1, seed=0)
    corner = network.grid(x)[int(torch.randint(0, len(network.grid(x)), (1,), generator=_after_steps()))]
    inside = network.inside(x, [corner])
    # an untrained denoiser gives 0 on [-1, 1]
    assert network.loss(x, rng()).item() == pytest.approx((2 * x - 1)[inside].abs().mean().item(), rel=1e-5)


def _after_steps() -> torch.Generator:
    """The generator where the loss of one slice draws its patch: behind the draw of t."""
    state = rng()
    torch.randint(0, 1000, (1,), generator=state)
    return state


@pytest.mark.parametrize(
    ("size", "patch", "stride", "expected"),
    [(96, 48, 48, [0, 48]), (80, 48, 48, [0, 32]), (96, 48, 24, [0, 24, 48]), (40, 48, 48, [0])],
)
def test_patches_tile_a_slice_to_its_border(size, patch, stride, expected):
    assert starts(size, patch, stride) == expected


def test_overlapping_patches_of_the_pddpm_are_averaged():
    network, x = made("pddpm", patch=16, stride=8), torch.full((1, 1, 32, 24), 0.5)
    assert isinstance(network, PDDPM)
    calls: list[float] = []

    def constant(noised: Tensor, t: Tensor) -> Tensor:
        calls.append(float(len(calls)))
        return torch.full_like(noised, calls[-1])

    network.denoiser.forward = constant  # type: ignore[method-assign]
    whole = network.estimate(x, torch.zeros(1, 1, 32, 24), torch.tensor([500]))
    restored = [(value + 1) / 2 for value in calls]  # from [-1, 1]
    corners = network.grid(x)
    for place in ((0, 0), (10, 4), (20, 12), (31, 23)):
        covering = [
            value
            for value, (row, column) in zip(restored, corners, strict=True)
            if row <= place[0] < row + 16 and column <= place[1] < column + 16
        ]
        assert whole[0, 0, place[0], place[1]].item() == pytest.approx(sum(covering) / len(covering))
