from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from pseudohealthy.config import AugmentSettings
from pseudohealthy.data.augment import augment, bias_field, blur, gamma, ghosts

NONE = AugmentSettings(gamma=0, bias_field=0, blur=0, ghosting=0, mirror=0)
ALL = AugmentSettings(gamma=1, bias_field=1, blur=1, ghosting=1, mirror=1)
EFFECTS = [field.name for field in fields(AugmentSettings)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(n, seed=0):
    """Random brains, none of them symmetric, with a lesion each."""
    mask = torch.zeros(n, 1, 40, 32, dtype=torch.bool)
    mask[..., 5:36, 4:27] = True
    x = (0.05 + 1.4 * torch.rand(n, 1, 40, 32, generator=generator(seed))) * mask
    label = torch.zeros_like(x)
    label[..., 8:14, 6:11] = 1
    return x, mask, label


def number(value):
    return torch.tensor(value).view(1, 1, 1, 1)


def changed(before, after):
    return (before != after).any(3).any(2).any(1)


def test_probability_zero_is_the_identity():
    x, mask, label = batch(8)
    for found, given in zip(augment(x, mask, label, NONE, generator()), (x, mask, label), strict=True):
        assert torch.equal(found, given)


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_change_acts_on_its_share_of_the_samples_alone(effect):
    x, mask, label = batch(400)
    touched = changed(x, augment(x, mask, label, replace(NONE, **{effect: 0.3}), generator(1))[0])
    assert 90 <= int(touched.sum()) <= 150  # 120 expected, standard deviation 9
    assert changed(x, augment(x, mask, label, replace(NONE, **{effect: 1.0}), generator(1))[0]).all()


def test_changes_are_taken_independently_of_each_other():
    x, mask, _ = batch(400)
    gamma_alone = changed(x, augment(x, mask, None, replace(NONE, gamma=0.5), generator(1))[0])
    blur_alone = changed(x, augment(x, mask, None, replace(NONE, blur=0.5), generator(1))[0])
    both = changed(x, augment(x, mask, None, replace(NONE, gamma=0.5, blur=0.5), generator(1))[0])
    assert torch.equal(both, gamma_alone | blur_alone)
    assert 70 <= int((gamma_alone & blur_alone).sum()) <= 130  # 100 expected


@pytest.mark.parametrize("settings", [ALL, *(replace(NONE, **{effect: 1.0}) for effect in EFFECTS)])
def test_background_stays_zero_and_values_stay_in_the_range(settings):
    x, mask, label = batch(50)
    found, found_mask, _ = augment(x, mask, label, settings, generator(2))
    assert (found[~found_mask] == 0).all()
    assert found.min() >= 0
    assert found.max() <= 1.5
    assert found.dtype == torch.float32


@pytest.mark.parametrize("effect", [name for name in EFFECTS if name != "mirror"])
def test_intensity_changes_leave_the_geometry(effect):
    x, mask, label = batch(20)
    _, found_mask, found_label = augment(x, mask, label, replace(NONE, **{effect: 1.0}), generator(2))
    assert torch.equal(found_mask, mask)
    assert torch.equal(found_label, label)


def test_the_mirror_turns_image_mask_and_label_together():
    x, mask, label = batch(60)
    found = augment(x, mask, label, replace(NONE, mirror=0.5), generator(3))
    turned = changed(x, found[0])
    assert 15 < int(turned.sum()) < 45
    for after, before in zip(found, (x, mask, label), strict=True):
        assert torch.equal(after[turned], before[turned].flip(3))
        assert torch.equal(after[~turned], before[~turned])


def test_without_label_none_comes_back():
    x, mask, _ = batch(4)
    assert augment(x, mask, None, ALL, generator())[2] is None


def test_the_same_generator_state_gives_the_same_batch():
    x, mask, label = batch(12)
    before = x.clone()
    first, again, other = (augment(x, mask, label, ALL, generator(seed))[0] for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(x, before)


def test_draws_depend_on_the_batch_size_alone():
    x, mask, label = batch(6)
    states = []
    for image, lesions, settings in ((x, label, ALL), (0 * x, None, ALL), (x, label, NONE)):
        rng = generator(3)
        augment(image, mask, lesions, settings, rng)
        states.append(rng.get_state())
    assert torch.equal(states[0], states[1])
    assert torch.equal(states[0], states[2])


def test_gamma_is_a_power_up_to_one_and_keeps_what_is_brighter():
    x = torch.tensor([0.0, 0.25, 1.0, 1.2, 1.5]).view(1, 1, 1, 5)
    assert gamma(x, number(0.5)).flatten().tolist() == pytest.approx([0, 0.5, 1.0, 1.2, 1.5])
    assert gamma(x, number(2.0)).flatten().tolist() == pytest.approx([0, 0.0625, 1.0, 1.2, 1.5])


def test_bias_field_passes_through_its_points_and_is_smooth():
    points = 0.3 * (2 * torch.rand(2, 1, 4, 4, generator=generator(1)) - 1)
    field = bias_field(points, 40, 31)
    assert field.shape == (2, 1, 40, 31)
    torch.testing.assert_close(field[..., ::13, ::10], points.exp())
    assert (field[..., 1:] - field[..., :-1]).abs().max() < 0.1
    torch.testing.assert_close(bias_field(torch.zeros(1, 1, 4, 4), 9, 9), torch.ones(1, 1, 9, 9))


def test_blur_is_a_gaussian_filter_normalised_inside_the_brain():
    x, mask, _ = batch(2)
    found = blur(x, mask, torch.tensor([0.7, 1.6]).view(2, 1, 1, 1))
    for image, brain, result, sd in zip(x, mask, found, (0.7, 1.6), strict=True):
        image, brain = image[0].double().numpy(), brain[0].double().numpy()
        total, weight = (ndimage.gaussian_filter(a, sd, mode="constant", truncate=8) for a in (image, brain))
        inside = brain > 0
        np.testing.assert_allclose(result[0].numpy()[inside], (total[inside] / weight[inside]), atol=1e-6)


def test_blur_does_not_darken_the_rim():
    _, mask, _ = batch(1)
    torch.testing.assert_close((blur(0.7 * mask, mask, number(1.0)) * mask), 0.7 * mask)


@pytest.mark.parametrize(("every", "along_y", "axis"), [(4, True, 2), (2, False, 3), (5, True, 2)])
def test_ghosts_are_shifted_copies_of_the_image(every, along_y, axis):
    x, _, _ = batch(1)
    found = ghosts(x, number(float(every)), number(along_y), number(0.2))
    shift = x.shape[axis] // every  # 40 rows, 32 columns
    copies = sum(torch.roll(x, j * shift, axis) for j in range(1, every))
    torch.testing.assert_close(found, x + 0.2 / (every - 1) * copies, atol=1e-5, rtol=0)


def test_ghosts_on_an_odd_number_of_lines_keep_the_image():
    x = torch.rand(1, 1, 21, 17, generator=generator(1))
    for along_y in (True, False):
        found = ghosts(x, number(3.0), number(along_y), number(-0.2))
        assert found.shape == x.shape
        torch.testing.assert_close(found.mean(), x.mean() * 0.8)  # the zeroth line carries image and ghosts
        assert ((found - x) ** 2).mean() < (0.2**2) * (x**2).mean()


def test_everything_is_made_on_the_device_of_the_images_and_nothing_is_read_back():
    """The meta device stands for an accelerator: operations across devices and reads of values fail on it."""
    given = [part.to("meta") for part in batch(4)]
    for found, part in zip(augment(*given, ALL, generator()), given, strict=True):
        assert found.device.type == "meta"
        assert found.shape == part.shape


@pytest.mark.parametrize("effect", EFFECTS)
def test_slices_of_a_slab_take_the_changes_that_one_slice_would_take(effect):
    x, mask, label = batch(12)
    settings = replace(NONE, **{effect: 0.5})
    one = augment(x, mask, label, settings, generator(4))
    rng = generator(4)
    slabs = augment(*(part.repeat_interleave(3, dim=0) for part in (x, mask, label)), settings, rng, slab=3)
    assert 0 < int(changed(x, one[0]).sum()) < 12
    for found, expected in zip(slabs, one, strict=True):
        torch.testing.assert_close(found, expected.repeat_interleave(3, dim=0))
    alone = generator(4)
    augment(x, mask, label, settings, alone)
    assert torch.equal(rng.get_state(), alone.get_state())


def test_slices_do_not_depend_on_the_precision_of_the_training():
    x, mask, label = batch(6)
    expected = augment(x, mask, label, ALL, generator())
    with torch.autocast("cpu", torch.bfloat16):
        found = augment(x, mask, label, ALL, generator())
        assert blur(x, mask, torch.ones(6, 1, 1, 1)).dtype == torch.float32
    assert all(map(torch.equal, found, expected))
