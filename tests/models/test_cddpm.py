import pytest
import torch

from pseudohealthy.models.reconstructors.cddpm import CDDPM, CDDPMSettings

SMALL = CDDPMSettings(widths=(16, 16), blocks=1, unshuffle=2, encoder="small", condition=16, test_steps=(250, 500))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def network() -> CDDPM:
    torch.manual_seed(0)
    made = CDDPM(SMALL)
    for parameter in made.denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return made.eval()


def test_the_noise_map_is_one_for_all_slices_of_a_volume_and_another_for_each_t(network):
    maps = []
    network._denoised = lambda x, condition, noise, t: maps.append((noise, t)) or x  # records what it is given
    network.views(torch.rand(5, 1, 16, 16), rng())
    assert [tuple(noise.shape) for noise, _ in maps] == [(1, 1, 16, 16)] * 2
    assert not torch.equal(maps[0][0], maps[1][0])
    assert [t.tolist() for _, t in maps] == [[249] * 5, [499] * 5]


def test_views_are_the_same_however_slices_are_batched(network):
    x = torch.rand(6, 1, 16, 16)
    whole = network.views(x, rng(3))
    parts = torch.cat([network.views(part, rng(3)) for part in x.split(2)], dim=1)
    assert torch.allclose(whole, parts, atol=1e-5)


def test_reconstruction_is_the_mean_of_the_views(network):
    x = torch.rand(2, 1, 16, 16)
    assert torch.allclose(network.reconstruct(x, rng()), network.views(x, rng()).mean(dim=0))


def test_loss_is_the_l1_on_the_signed_scale_of_a_network_that_predicts_zero():
    # an untrained denoiser predicts 0 on [-1, 1], that is 0.5 on [0, 1]
    x = torch.rand(4, 1, 16, 16)
    assert CDDPM(SMALL).loss(x, rng()).item() == pytest.approx((2 * x - 1).abs().mean().item(), rel=1e-5)


def test_same_generator_state_gives_the_same_loss_and_another_one_does_not(network):
    x = torch.rand(4, 1, 16, 16)
    assert network.loss(x, rng(1)).item() == network.loss(x, rng(1)).item()
    assert network.loss(x, rng(1)).item() != network.loss(x, rng(2)).item()


def test_noise_scale_scales_the_maps():
    scaled = CDDPM(CDDPMSettings(**{**SMALL.__dict__, "noise_scale": 1.75}))
    x = torch.zeros(1, 1, 16, 16)
    assert torch.allclose(scaled.noise(3, x, rng()), 1.75 * CDDPM(SMALL).noise(3, x, rng()))


def test_a_training_draw_has_its_own_noise_and_step_for_each_slice(network):
    x = torch.rand(1, 1, 16, 16).expand(4, 1, 16, 16)
    drawn = network.draw(x, rng())
    assert not torch.allclose(drawn[0], drawn[1], atol=1e-4)


def test_it_learns_to_restore_a_constant_image():
    torch.manual_seed(0)
    network = CDDPM(SMALL)
    x = torch.full((8, 1, 16, 16), 0.8)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    first = network.loss(x, rng(0)).item()
    for step in range(60):
        optimiser.zero_grad()
        network.loss(x, rng(step)).backward()
        optimiser.step()
    assert network.loss(x, rng(999)).item() < 0.3 * first
