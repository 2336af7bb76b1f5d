import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.virtual.host_paint import HOST_KINDS, paint_host
from pseudohealthy.virtual.real_masks import carry_lesion, find_masks, read_real_mask


@pytest.fixture(scope="module")
def carried(place, masks_folder):
    return carry_lesion(read_real_mask(find_masks([masks_folder])[0]), place.grid)


@pytest.fixture(scope="module")
def painted(host, carried):
    return {
        kind: paint_host(host, kind, 3, kind, carried if known.takes_mask else None)
        for kind, known in HOST_KINDS.items()
    }


def test_healthy_is_the_host(host, painted):
    assert np.array_equal(painted["healthy"].image, (host.canvas.image * host.unit * host.canvas.brain))
    assert not painted["healthy"].mask.any()


@pytest.mark.parametrize("kind", [kind for kind in HOST_KINDS if kind != "healthy"])
def test_a_lesion_changes_its_own_place_alone(host, painted, kind):
    one, twin = painted[kind], painted["healthy"]
    changed = one.image != twin.image
    assert one.mask.any()
    assert not (changed & ~host.canvas.brain).any()
    if kind not in ("ventricle", "mass", "tumour"):  # those push tissue further away
        assert not (changed & (ndimage.distance_transform_edt(~one.mask) * 3 > 12)).any()
    assert 0 < changed.sum() < 0.7 * host.canvas.brain.sum()
    assert (one.image[host.canvas.brain] > 0).all()


def test_facts_are_those_of_the_arrays(host, painted):
    for one in painted.values():
        assert one.lesion_ml == pytest.approx(one.mask.sum() * 0.027)
    stroke, twin = painted["stroke"], painted["healthy"].image
    difference = (stroke.image - twin) / host.unit
    assert stroke.contrast == pytest.approx(difference[stroke.mask].mean(), rel=1e-3)
    assert stroke.depth_mm == pytest.approx(host.canvas.depth_mm[stroke.mask].mean(), rel=1e-3)


def test_signs_of_contrast(painted):
    assert painted["haemorrhage"].contrast > 0.05
    assert all(painted[kind].contrast < -0.03 for kind in ("stroke", "ms", "wmh", "ventricle"))
    assert abs(painted["sham"].contrast) < 0.01


def test_real_masks_are_neither_moved_nor_grown(host, painted, carried):
    for kind in ("stroke", "ms"):
        mask = painted[kind].mask
        assert not (mask & ~carried).any()
        assert mask.sum() > 0.6 * carried.sum()


def test_a_sham_is_as_noisy_as_its_twin(host):
    inside = ndimage.binary_erosion(host.canvas.wm > 0.9) & host.canvas.brain
    ratios = []
    for seed in range(6):
        sham = paint_host(host, "sham", seed, "test")
        here = sham.mask & inside
        if here.sum() > 60:
            rests = [
                (data - ndimage.gaussian_filter(data, 1.0))[here].std()
                for data in (sham.image / host.unit, host.canvas.image)
            ]
            ratios.append(rests[0] / rests[1])
    assert len(ratios) >= 2
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)


def test_an_enlarged_ventricle_is_one_sided_and_moves_tissue_without_folding(host, painted):
    mask = painted["ventricle"].mask
    assert len(set(np.sign(host.canvas.lateral_mm[mask]))) == 1
    assert not (mask & (host.canvas.ventricles >= 0.5)).any()
    lesion = HOST_KINDS["ventricle"].make(None)
    displacement = lesion.shape(host.canvas, np.random.default_rng(0)).displacement_mm
    jacobian = np.stack(
        [np.stack(np.gradient(displacement[..., axis], 3.0), axis=-1) for axis in range(3)], axis=-2
    ) + np.eye(3)
    assert np.linalg.det(jacobian).min() > 0


def test_mass_effect_s_truth_is_half_of_the_largest_displacement_and_what_it_encloses(host):
    shape = HOST_KINDS["mass"].make(None).shape(host.canvas, np.random.default_rng(0))
    length = np.linalg.norm(shape.displacement_mm, axis=-1)
    far = (length >= 0.5 * length.max()) & host.canvas.brain
    assert length.max() >= 2
    assert (shape.outline & ~ndimage.binary_fill_holes(far)).sum() == 0
    assert shape.outline[far].all()
    assert shape.opacity.max() == 0
