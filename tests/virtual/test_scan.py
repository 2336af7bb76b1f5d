import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.errors import InputError
from pseudohealthy.virtual.scan import make_scan


def test_a_scan_is_stripped_and_positive_inside(scan_of):
    for seed in range(3):
        scan = scan_of(seed, "stroke")
        brain = scan.brain_mask.data
        assert brain.dtype == np.bool_
        assert scan.image.data.dtype == np.float32
        assert not np.any(scan.image.data[~brain])
        assert (scan.image.data[brain] > 0).all()
        assert 1000 < brain.sum() * scan.brain_mask.voxel_ml < 1800


def test_all_volumes_share_one_place(scan_of):
    scan = scan_of(1, "tumour")
    for volume in (scan.brain_mask, scan.lesion_mask):
        assert volume.shape == scan.image.shape
        assert np.array_equal(volume.affine, scan.image.affine)
    assert scan.image.spacing_mm == (4.0, 4.0, 4.0)
    assert np.array_equal(np.sign(np.diag(scan.image.affine)), [1, 1, 1, 1])


def test_the_same_seed_is_the_same_scan():
    first, again = make_scan(9, "ms", 4.0), make_scan(9, "ms", 4.0)
    assert np.array_equal(first.image.data, again.image.data)
    assert np.array_equal(first.lesion_mask.data, again.lesion_mask.data)


def test_people_and_their_scanners_units_differ(scan_of):
    means = [float(scan_of(s).image.data[scan_of(s).brain_mask.data].mean()) for s in range(5)]
    assert max(means) / min(means) > 1.2
    origins = {tuple(scan_of(s).image.affine[:3, 3]) for s in range(5)}
    assert len(origins) == 5


def test_the_person_and_the_lesion_do_not_depend_on_the_grid(scan_of):
    coarse, fine = scan_of(2, "haemorrhage", 4.0), scan_of(2, "haemorrhage", 2.0)
    for name in ("brain_mask", "lesion_mask"):
        one, two = getattr(coarse, name), getattr(fine, name)
        assert two.data.sum() * two.voxel_ml == pytest.approx(one.data.sum() * one.voxel_ml, rel=0.1)
        centres = [
            volume.affine[:3, :3] @ np.array(ndimage.center_of_mass(volume.data)) + volume.affine[:3, 3]
            for volume in (one, two)
        ]
        assert np.linalg.norm(centres[0] - centres[1]) < 2.0


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ({"seed": 0, "pathology": "flu"}, "haemorrhage"),
        ({"seed": -1}, "0 or more"),
        ({"seed": 0, "spacing_mm": 0.1}, "0.5 to 4"),
        ({"seed": 0, "spacing_mm": float("nan")}, "0.5 to 4"),
    ],
)
def test_what_cannot_be_made_is_refused(arguments, needed):
    with pytest.raises(InputError, match=needed):
        make_scan(**arguments)
