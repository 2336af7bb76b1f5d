"""What every lesion kind promises, over several people."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.virtual.lesions import CONTRAST_SIGN, PATHOLOGIES

SEEDS = range(4)
KINDS = [name for name in PATHOLOGIES if name != "healthy"]


def change(scan, healthy) -> np.ndarray:
    """Difference of the two scans of a person in units of that person's median intensity."""
    return (scan.image.data - healthy.image.data) / np.median(healthy.image.data[healthy.brain_mask.data])


def test_the_table_holds_what_the_demo_needs():
    assert set(PATHOLOGIES) == {"healthy", "tumour", "stroke", "ms", "wmh", "haemorrhage", "sham"}


@pytest.mark.parametrize("kind", KINDS)
def test_volume_is_in_the_documented_range(scan_of, kind):
    low, high = PATHOLOGIES[kind].volume_ml
    for seed in SEEDS:
        mask = scan_of(seed, kind).lesion_mask
        assert low <= mask.data.sum() * mask.voxel_ml <= high


@pytest.mark.parametrize("kind", KINDS)
def test_contrast_has_the_documented_sign(scan_of, kind):
    sign = CONTRAST_SIGN[PATHOLOGIES[kind].contrast]
    for seed in SEEDS:
        scan = scan_of(seed, kind)
        mean = change(scan, scan_of(seed))[scan.lesion_mask.data].mean()
        assert sign * mean > 0.05 if sign else abs(mean) < 0.03


@pytest.mark.parametrize("kind", KINDS)
def test_masks_lie_inside_the_brain(scan_of, kind):
    for seed in SEEDS:
        scan = scan_of(seed, kind)
        assert np.array_equal(scan.brain_mask.data, scan_of(seed).brain_mask.data)
        assert not np.any(scan.lesion_mask.data & ~scan.brain_mask.data)


@pytest.mark.parametrize("kind", KINDS)
def test_away_from_the_lesion_the_scan_is_the_healthy_one_bit_by_bit(scan_of, kind):
    for seed in SEEDS:
        scan, healthy = scan_of(seed, kind), scan_of(seed)
        moved = np.zeros_like(scan.brain_mask.data)
        moved[scan.window] = np.any(scan.painted.shape.displacement_mm != 0, axis=-1)
        # Two voxels of soft border, and four for the scanner's blur.
        touched = ndimage.binary_dilation(scan.lesion_mask.data | moved, iterations=6)
        assert np.array_equal(scan.image.data[~touched], healthy.image.data[~touched])
        assert not np.array_equal(scan.image.data, healthy.image.data)


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_mass_effect_moves_tissue(scan_of, kind):
    for seed in SEEDS:
        moved = np.any(scan_of(seed, kind).painted.shape.displacement_mm)
        assert moved == PATHOLOGIES[kind].mass_effect
    assert PATHOLOGIES[kind].mass_effect == (kind == "tumour")


def test_healthy_is_an_empty_lesion(scan_of):
    scan = scan_of(0)
    assert not scan.lesion_mask.data.any()
    assert np.array_equal(scan.painted.image, scan.painted.shape.canvas.image)


def test_a_stroke_lies_on_one_side_in_cortex_and_white_matter(scan_of):
    for seed in SEEDS:
        scan = scan_of(seed, "stroke")
        canvas, mask = scan_of(seed).painted.shape.canvas, scan.painted.mask
        side = canvas.lateral_mm[mask]
        assert (side > 0).all() or (side < 0).all()
        assert canvas.gm[mask].mean() > 0.1
        assert canvas.wm[mask].mean() > 0.1


def test_strokes_happen_on_either_side(ball):
    stroke = PATHOLOGIES["stroke"]
    shapes = [stroke.shape(ball, np.random.default_rng(seed)).opacity for seed in range(8)]
    assert {bool(ball.lateral_mm[opacity > 0.5].mean() > 0) for opacity in shapes} == {True, False}


def test_ms_plaques_are_several_in_white_matter_and_near_the_ventricles(scan_of):
    for seed in SEEDS:
        scan = scan_of(seed, "ms")
        canvas, mask = scan_of(seed).painted.shape.canvas, scan.painted.mask
        assert canvas.wm[mask].mean() > 0.8
        assert ndimage.label(mask)[1] >= 2
        elsewhere = (canvas.wm > 0.8) & canvas.brain
        assert np.median(canvas.ventricle_mm[mask]) < np.median(canvas.ventricle_mm[elsewhere])


def test_wmh_lie_on_both_sides_along_the_ventricles(scan_of):
    for seed in SEEDS:
        scan = scan_of(seed, "wmh")
        canvas, mask = scan_of(seed).painted.shape.canvas, scan.painted.mask
        left = (canvas.lateral_mm[mask] < 0).mean()
        assert 0.25 < left < 0.75
        assert canvas.wm[mask].mean() > 0.8
        elsewhere = (canvas.wm > 0.8) & canvas.brain
        assert np.median(canvas.ventricle_mm[mask]) < 0.7 * np.median(canvas.ventricle_mm[elsewhere])


def test_wmh_need_no_ventricles(ball):
    """A slab of a scan may hold none; spots in white matter remain."""
    solid = replace(ball, ventricles=np.zeros_like(ball.plain))
    opacity = PATHOLOGIES["wmh"].shape(solid, np.random.default_rng(0)).opacity
    assert (opacity > 0.5).sum() * ball.voxel_ml >= PATHOLOGIES["wmh"].volume_ml[0]
