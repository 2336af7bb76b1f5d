from itertools import product

import pytest
import torch

import pseudohealthy.models.denoiser
from pseudohealthy.models.condition import condition_encoder
from pseudohealthy.models.denoiser import Denoiser, check_denoiser, time_embedding, upsampled
from pseudohealthy.models.segmenters.unet import StandardisedConv, UNetSettings, unet, unet_res


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_paper_sizes_are_the_published_ones():
    with torch.device("meta"):
        denoiser = Denoiser((128, 256, 256), 3, 512, 1)
        segmenter = unet_res(UNetSettings())
    assert round(parameters(denoiser) / 1e6, 1) == 44.1
    assert round(parameters(segmenter) / 1e6, 1) == 16.7


def one_by_one(x, convolution):
    """What `upsampled` says it does."""
    return convolution(torch.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))


@pytest.mark.parametrize(("doubled", "gflop"), [(one_by_one, 149), (upsampled, 142)])
def test_paper_denoiser_needs_the_published_compute_but_for_what_doubled_pixels_save(doubled, gflop, monkeypatch):
    from torch.utils.flop_counter import FlopCounterMode

    monkeypatch.setattr(pseudohealthy.models.denoiser, "upsampled", doubled)
    with torch.device("meta"):
        denoiser = Denoiser((128, 256, 256), 3, 512, 1)
        with FlopCounterMode(display=False) as counter:
            denoiser(torch.zeros(1, 1, 96, 96), torch.zeros(1), torch.zeros(1, 512))
    assert round(counter.get_total_flops() / 1e9) == gflop


def test_widths_that_pass_the_check_make_a_denoiser_and_others_none():
    def run(widths):
        with torch.device("meta"):
            Denoiser(widths, 2, 0, 1)(torch.zeros(1, 1, 8, 8), torch.zeros(1))

    passed = 0
    for widths in [*product(range(4, 165, 20), repeat=2), (32, 96), (30, 50), (48, 96, 160), (6, 8), (16,)]:
        try:
            check_denoiser(widths, 2, 1)
        except ValueError:
            with pytest.raises(ValueError, match="must be divisible"):
                run(widths)
        else:
            run(widths)
            passed += 1
    assert passed > 10


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 1)])
def test_a_convolution_of_doubled_pixels_is_one_transposed_convolution_with_the_same_gradients(size):
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(3, 5, 3, padding=1).double()
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 5, 2 * size[0], 2 * size[1], dtype=torch.float64)
    found, slopes = [], []
    for doubled in (one_by_one, upsampled):
        out = doubled(x, convolution)
        found.append(out.detach())
        slopes.append(torch.autograd.grad((out * weights).sum(), (x, convolution.weight, convolution.bias)))
    assert torch.allclose(*found)
    for one, other in zip(*slopes, strict=True):
        assert torch.allclose(one, other)


def test_the_resnet_encoder_gives_a_vector_of_the_asked_width():
    encoder = condition_encoder("resnet50", 24).eval()
    assert encoder(torch.zeros(2, 1, 64, 64)).shape == (2, 24)
    assert 23e6 < parameters(encoder) < 25e6


@pytest.mark.parametrize("unshuffle", [1, 2])
@pytest.mark.parametrize("widths", [(16, 32, 64, 128), (64, 128, 256, 512), (8, 16), (24, 48, 96)])
def test_input_only_unet_has_the_parameters_of_the_siamese_one(widths, unshuffle):
    settings = UNetSettings(widths=widths, unshuffle=unshuffle)
    with torch.device("meta"):
        ratio = parameters(unet(settings)) / parameters(unet_res(settings))
    assert 0.9 <= ratio <= 1.1


def test_an_untrained_denoiser_predicts_zero_because_residual_branches_start_closed():
    denoiser = Denoiser((16, 16), 1, 8, 2)
    assert torch.equal(
        denoiser(torch.randn(2, 1, 8, 8), torch.tensor([1, 2]), torch.randn(2, 8)), torch.zeros(2, 1, 8, 8)
    )


def test_denoiser_listens_to_time_and_condition():
    torch.manual_seed(0)
    denoiser = Denoiser((16, 16), 1, 8, 2)
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x, condition = torch.randn(1, 1, 8, 8), torch.randn(1, 8)
    base = denoiser(x, torch.tensor([1]), condition)
    assert not torch.allclose(base, denoiser(x, torch.tensor([700]), condition))
    assert not torch.allclose(base, denoiser(x, torch.tensor([1]), condition + 1))


def test_time_embedding_starts_with_cosine_one_and_sine_zero():
    at_zero = time_embedding(torch.tensor([0]), 8)[0]
    assert at_zero.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_standardised_kernels_ignore_scale_and_offset_of_the_weights():
    torch.manual_seed(0)
    conv, x = StandardisedConv(3, 4), torch.randn(2, 3, 8, 8)
    before = conv(x)
    with torch.no_grad():
        conv.weight.mul_(50).add_(0.3)
    assert torch.allclose(before, conv(x), atol=1e-3)


def test_siamese_unet_uses_residual_and_input_in_their_own_roles():
    torch.manual_seed(0)
    network, x, residual = unet_res(UNetSettings(widths=(8, 16))), torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16)
    torch.nn.init.normal_(network.head.weight)  # untrained, it is 0: the network states the prior everywhere
    given = network(x, residual)
    assert given.shape == x.shape
    assert not torch.allclose(given, network(x, residual * 0))
    assert not torch.allclose(given, network(residual, x))


@pytest.mark.parametrize("unshuffle", [1, 2])
@pytest.mark.parametrize("make", [unet_res, unet])
def test_all_views_at_once_are_each_view_by_itself(make, unshuffle):
    torch.manual_seed(0)
    network, x, residuals = (
        make(UNetSettings(widths=(8, 16, 32), unshuffle=unshuffle)),
        torch.rand(2, 1, 16, 24),
        torch.randn(3, 2, 1, 16, 24),
    )
    torch.nn.init.normal_(network.head.weight)  # it starts at zero, where everything is alike
    torch.nn.init.normal_(network.up[0].bias)
    with torch.inference_mode():
        each = torch.stack([network(x, residual) for residual in residuals])
        at_once = network.views(x, residuals)
    assert each.std() > 0.1
    torch.testing.assert_close(at_once, each, atol=1e-5, rtol=1e-5)


def test_an_unshuffled_unet_sees_every_pixel_and_answers_for_each():
    torch.manual_seed(0)
    network = unet(UNetSettings(widths=(8, 16), unshuffle=2))
    torch.nn.init.normal_(network.head.weight)
    x = torch.rand(1, 1, 16, 16)
    given = network(x, None)
    assert given.shape == x.shape
    assert given[0, 0, :2, :2].unique().numel() == 4  # each pixel of a block has its own logit
    for pixel in ((4, 4), (4, 5), (5, 4), (5, 5)):
        changed = x.clone()
        changed[0, 0, *pixel] += 1
        assert not torch.allclose(given, network(changed, None))


@pytest.mark.parametrize("unshuffle", [1, 2])
def test_a_standardised_stem_sees_edges_alone_and_a_plain_one_how_bright_the_inside_is(unshuffle):
    torch.manual_seed(0)
    for standardise_stem in (True, False):
        settings = UNetSettings(widths=(8, 16), unshuffle=unshuffle, standardise_stem=standardise_stem)
        stem = unet_res(settings).encoder[0][0]
        dark, bright = (stem(torch.full((1, unshuffle**2, 7, 7), value))[..., 3, 3] for value in (0.2, 0.9))
        assert torch.allclose(dark, bright, atol=1e-5) == standardise_stem


def test_siamese_unet_refuses_to_run_without_residual():
    with pytest.raises(TypeError, match="residual"):
        unet_res(UNetSettings(widths=(8, 16)))(torch.rand(1, 1, 16, 16), None)


def test_untrained_segmenter_states_the_prior():
    torch.manual_seed(0)
    network = unet(UNetSettings(widths=(8, 16), prior=0.02))
    probability = network(torch.zeros(1, 1, 16, 16), None).sigmoid()
    assert probability.mean().item() == pytest.approx(0.02, rel=0.5)
