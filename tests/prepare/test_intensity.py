from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.errors import ImageError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.volume import read_volume
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.intensity import CEILING, IntensityScale, fit_scale


def fit(volume):
    return fit_scale(volume, brain_mask(volume))


def ball(volume, centre, ml):
    """The voxels of a ball of this volume around a voxel."""
    radius_mm = (3000 * ml / (4 * np.pi)) ** (1 / 3)
    indices = np.indices(volume.shape)
    steps = [(i - c) * mm for i, c, mm in zip(indices, centre, volume.spacing_mm, strict=True)]
    return sum(step**2 for step in steps) < radius_mm**2


def test_scale_is_the_first_and_the_85th_percentile(made_brain):
    brain = made_brain()
    scale = fit(brain)
    p1, p85 = np.percentile(brain.data[brain.data != 0], [1, 85])
    assert scale.zero == pytest.approx(p1)
    assert scale.apply(np.array([p1, p85])) == pytest.approx([0, 0.887], abs=1e-6)


def test_values_are_kept_up_to_one_and_a_half():
    scale = IntensityScale(zero=100, one=300)
    scaled = scale.apply(np.array([[-50.0, 100, 200, 300, 400, 999]]))
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, [[0, 0, 0.5, 1, 1.5, 1.5]])
    assert CEILING == 1.5


def test_undo_returns_the_scans_own_intensities():
    scale = IntensityScale(zero=-3.5, one=900)
    values = np.linspace(-3.5, 1300, 50)
    np.testing.assert_allclose(scale.undo(scale.apply(values)), values, atol=1e-3)


@pytest.mark.parametrize(("gain", "offset"), [(0.001, 0), (37.5, 0), (1, -2000)])
def test_scanner_units_do_not_matter(gain, offset, made_brain):
    brain = made_brain()
    inside = brain.data != 0
    other = brain.like(np.where(inside, gain * brain.data + offset, 0).astype(np.float32))
    np.testing.assert_allclose(
        fit_scale(other, brain.like(inside)).apply(other.data)[inside], fit(brain).apply(brain.data)[inside], atol=2e-3
    )


LESIONS = {
    "100 ml CSF": (100, 300.0),
    "100 ml black": (100, 1.0),
    "100 ml removed": (100, 0.0),
    "50 ml bright": (50, 1300.0),
}


def moved(volume, white, level, ml, centre):
    """By what share a ball moves the mean of white matter outside it, after scaling."""
    hit = ball(volume, centre, ml)
    assert hit.sum() * volume.voxel_ml == pytest.approx(ml, rel=0.05)
    painted = volume.like(np.where(hit & (volume.data != 0), level, volume.data).astype(np.float32))
    healthy = white & ~ndimage.binary_dilation(hit, iterations=2)
    before, after = (fit(scan).apply(scan.data)[healthy].mean() for scan in (volume, painted))
    return after / before - 1


@pytest.mark.parametrize("lesion", LESIONS)
def test_lesion_hardly_moves_healthy_white_matter(lesion, made_brain):
    ml, level = LESIONS[lesion]
    brain = made_brain(noise=40)
    white = brain.data > 850
    centre = np.array(brain.shape) // 2 + [9, 0, 0]
    assert abs(moved(brain, white, level, ml, centre)) < 0.05


def test_plain_99th_percentile_would_be_moved(made_brain):
    """The reason for another scale: the test above can fail."""
    brain = made_brain(noise=40)
    painted = np.where(ball(brain, np.array(brain.shape) // 2 + [9, 0, 0], 50) & (brain.data != 0), 1300, brain.data)
    p99 = [np.percentile(data[brain.data != 0], 99) for data in (brain.data, painted)]
    assert p99[1] / p99[0] > 1.15


@pytest.mark.parametrize("lesion", ["100 ml CSF", "50 ml bright"])
def test_lesion_hardly_moves_real_white_matter(lesion, shared_data):
    ml, level = LESIONS[lesion]
    for case in discover([shared_data / "oasis"])[::12]:
        scan = read_volume(case.image)
        labels = case.image.parents[2] / f"derivatives/labels/{case.name}/anat/{case.name}_desc-tissue_dseg.nii.gz"
        white = read_volume(labels).data == 3
        half = white.copy()
        half[: scan.shape[0] // 2] = False
        centre = np.argwhere(half).mean(0)
        assert abs(moved(scan, white, level * np.median(scan.data[white]) / 1000, ml, centre)) < 0.05, case.name


def test_real_people_get_alike_scales(shared_data):
    share, white_level = [], []
    for case in discover([shared_data / "oasis"])[::8]:
        scan = read_volume(case.image)
        p1, p85, p99 = np.percentile(scan.data[scan.data != 0], [1, 85, 99])
        share.append((p85 - p1) / (p99 - p1))
        white_level.append(np.percentile(fit(scan).apply(scan.data[scan.data != 0]), 80))
    assert np.median(share) == pytest.approx(0.887, abs=0.015)
    assert np.std(white_level) / np.mean(white_level) < 0.02


@pytest.mark.parametrize("data", [lambda brain: (brain.data != 0) * 7.0, lambda brain: (brain.data != 0) * 0.0])
def test_brain_without_contrast_is_refused(data, made_brain):
    brain = made_brain()
    flat = replace(brain.like(data(brain).astype(np.float32)), source=Path("flat.nii"))
    with pytest.raises(ImageError, match=r"flat\.nii: found no contrast inside the brain"):
        fit_scale(flat, brain.like(brain.data != 0))
