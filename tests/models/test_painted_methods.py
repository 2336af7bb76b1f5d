"""Methods that learn from healthy slices which they paint themselves: DRAEM-Net, PII, DISYRE."""

import copy

import pytest
import torch
from skimage.metrics import structural_similarity

from pseudohealthy.data.patches import brain_of
from pseudohealthy.models.conv_unet import ConvUNet
from pseudohealthy.models.reconstructors.disyre import DISYRE, DisyreSettings
from pseudohealthy.models.reconstructors.draem import DRAEM, DraemSettings, focal_loss
from pseudohealthy.models.reconstructors.pii import PII, PiiSettings
from pseudohealthy.models.ssim_loss import ssim_loss

SMALL = {
    "draem": lambda: DRAEM(DraemSettings(reconstructive=(8, 16), discriminative=(8, 16))),
    "pii": lambda: PII(PiiSettings(unet=(8, 16), patched=1.0)),
    "disyre": lambda: DISYRE(DisyreSettings(widths=(16, 16), unshuffle=2)),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def heads(n, seed=0):
    """Round brains of 32 pixels: a bright core in a grey rim, smoothly modulated."""
    place = torch.stack(torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")) - 15.5
    depth = 14.5 - place.norm(dim=0)
    waves = torch.rand(n, 1, 4, 4, generator=generator(seed))
    smooth = torch.nn.functional.interpolate(waves, (32, 32), mode="bicubic", align_corners=True)
    return ((0.5 + 0.3 * (depth > 5)) * (0.85 + 0.3 * smooth) * (depth > 0)).clamp_min(0)


@pytest.fixture(params=SMALL)
def network(request):
    torch.manual_seed(0)
    return SMALL[request.param]()


def test_the_validation_loss_falls_by_a_third(network):
    held_out, before = heads(32, seed=99), copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    for step in range(40):
        optimiser.zero_grad()
        network.loss(heads(8, seed=step), generator(step)).backward()
        optimiser.step()
    with torch.no_grad():
        untrained, trained = (float(each.validation_loss(held_out, generator(7))) for each in (before, network))
    assert trained < 0.7 * untrained


def test_loss_and_map_are_functions_of_the_generator(network):
    x = heads(4)
    with torch.no_grad():
        for parameter in network.parameters():  # some start at 0
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator())
        losses = [float(network.loss(x, generator(seed))) for seed in (1, 1, 2)]
        maps = [network.anomaly_map(x, x > 0, generator(1)) for _ in range(2)]
    assert losses[0] == losses[1] != losses[2]
    assert torch.equal(*maps)
    assert maps[0].shape == x.shape
    assert 0 <= maps[0].min() <= maps[0].max() <= 1
    assert (maps[0][x == 0] == 0).all()


def test_a_slice_is_scored_alone_as_among_others(network):
    x = heads(5)
    with torch.no_grad():
        together = network.anomaly_map(x, x > 0, generator())
        alone = network.anomaly_map(x[2:3], x[2:3] > 0, generator())
    torch.testing.assert_close(together[2:3], alone, atol=1e-5, rtol=0)


def test_the_target_of_draem_is_the_clean_slice():
    network, x = SMALL["draem"](), heads(6)
    seen = []

    def clean(painted):
        seen.append(painted)
        return x

    network.reconstructive.forward = clean
    with torch.no_grad():
        l2, ssim, focal = network.losses(x, generator())
    assert float(l2) == 0.0
    assert float(ssim) == pytest.approx(0, abs=1e-6)
    assert float(focal) > 0
    assert not torch.equal(seen[0], x)  # what it is given is painted
    network.reconstructive.forward = lambda painted: painted
    assert float(network.losses(x, generator())[0]) > 0


def test_the_discriminative_network_of_draem_sees_the_pair():
    network, x = SMALL["draem"](), heads(3)
    network.reconstructive.forward = lambda painted: painted + 0.25
    given = []
    network.discriminative.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    network.anomaly_map(x, torch.ones_like(x, dtype=torch.bool), generator())
    torch.testing.assert_close(given[0], torch.cat((x, x + 0.25), dim=1))


def test_pii_learns_the_factor_and_reconstructs_nothing():
    network, x = SMALL["pii"](), heads(4)
    painted, factor = network.paint(x, x > -1, generator(3))
    assert not network.reconstructs
    assert torch.equal(network.reconstruct(x, generator()), x)
    network.paint = lambda x, mask, rng: (painted, factor)
    logits = network.network(painted)
    p = logits.sigmoid()
    expected = -(factor * p.log() + (1 - factor) * (1 - p).log()).mean()
    torch.testing.assert_close(network.loss(x, generator()), expected)


def test_disyre_walks_down_the_grades_and_accumulates_the_difference():
    network = DISYRE(DisyreSettings(widths=(8, 8), unshuffle=1, restorations=4))
    grades = []

    def towards_half(x, grade):
        grades.append(float(grade[0]))
        return torch.full_like(x, 0.5)

    network.restored = towards_half
    x = torch.rand(2, 1, 8, 8, generator=generator())
    restored, difference = network.restoration(x)
    assert grades == pytest.approx([1.0, 0.75, 0.5, 0.25])
    assert torch.equal(restored, torch.full_like(x, 0.5))
    # x_g = 0.5 + g (x - 0.5), so the mean difference is (1 + .75 + .5 + .25) / 4 of the first
    torch.testing.assert_close(difference, 0.625 * (x - 0.5).abs())


def test_disyre_is_told_the_grade_and_predicts_the_clean_slice():
    network, x = SMALL["disyre"](), heads(4)
    told = []

    def perfect(painted, grade):
        told.append((painted, grade))
        return x

    network.restored = perfect
    assert float(network.loss(x, generator(2))) == 0
    painted, _, grade = network.paint.corrupt(x, brain_of(x), generator(2))
    assert torch.equal(told[0][0], painted)
    assert torch.equal(told[0][1], grade.flatten())


def test_ssim_is_that_of_scikit_image():
    x = torch.rand(2, 1, 24, 20, generator=generator())
    y = (x + 0.2 * torch.randn(2, 1, 24, 20, generator=generator(1))).clamp(0, 1.5)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    expected = [structural_similarity(a.numpy(), b.numpy(), **options) for a, b in zip(x[:, 0], y[:, 0], strict=True)]
    assert float(ssim_loss(x, y)) == pytest.approx(1 - sum(expected) / 2, abs=1e-5)


def test_the_focal_loss_without_focus_is_the_cross_entropy_and_with_it_spares_what_is_known():
    logits, label = torch.tensor([3.0, -1.0]), torch.tensor([1.0, 1.0])
    p = logits.sigmoid()
    torch.testing.assert_close(focal_loss(logits, label, 0.0), -p.log().mean())
    torch.testing.assert_close(focal_loss(logits, label, 2.0), -((1 - p) ** 2 * p.log()).mean())


@pytest.mark.parametrize("widths", [(8,), (8, 6), (8, 36), (0, 8)])
def test_widths_that_no_network_has_are_refused(widths):
    for make in (lambda: PiiSettings(unet=widths), lambda: DraemSettings(discriminative=widths)):
        with pytest.raises(ValueError, match="multiples of 4"):
            make()
    DRAEM(DraemSettings(reconstructive=(12, 40), discriminative=(20, 28)))


def test_without_skips_everything_passes_the_bottleneck():
    torch.manual_seed(0)
    for skips in (True, False):
        network = ConvUNet(1, (8, 8, 8), skips=skips)
        network.encoder[-1].register_forward_hook(lambda module, inputs, out: torch.zeros_like(out))
        a, b = (network(torch.rand(1, 1, 16, 16, generator=generator(seed))) for seed in (1, 2))
        assert torch.equal(a, b) is not skips
