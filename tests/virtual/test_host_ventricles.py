import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.io.bids import discover
from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.register import register
from pseudohealthy.virtual.atlas import atlas
from pseudohealthy.virtual.host_ventricles import ventricles


def _template_labels() -> Volume:
    maps = atlas().maps
    brain = atlas().brain.values[0].numpy() > 0.5
    labels = (1 + np.argmax(np.stack([maps.values[2], maps.values[0], maps.values[1]]), axis=0)) * brain
    affine = np.eye(4)
    affine[:3, 3] = maps.low_mm
    return Volume(labels.astype(np.int32), affine)


def test_the_template_s_own_ventricles_are_found():
    labels = _template_labels()
    true = atlas().maps.values[3].numpy() > 0.5
    found = ventricles(labels, np.eye(4))
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.9


def test_enlarged_ventricles_are_followed_beyond_the_template_s():
    labels = _template_labels()
    true = atlas().maps.values[3].numpy() > 0.5
    wide = ndimage.binary_dilation(true, iterations=4)
    found = ventricles(labels.like(np.where(wide, 1, labels.data)), np.eye(4))
    assert 2 * (found & wide).sum() / (found.sum() + wide.sum()) > 0.85


@pytest.mark.parametrize("name", ["sub-1005", "sub-1013"])  # large ones, and usual ones of an adult
def test_ventricles_of_people_are_those_that_were_outlined_by_hand(name, shared_data):
    pytest.importorskip("SimpleITK")
    (case,) = discover([shared_data / "oasis" / name])
    folder = shared_data / "oasis/derivatives/labels" / name / "anat"
    scan, labels, hand = (
        read_volume(path)
        for path in (
            case.image,
            folder / f"{name}_desc-tissue_dseg.nii.gz",
            folder / f"{name}_desc-neuromorphometrics_dseg.nii.gz",
        )
    )
    mni_from_world = register(scan, brain_mask(scan), load_template("mni152")).template_from_world
    found, true = ventricles(labels, mni_from_world), np.isin(hand.data, (49, 50, 51, 52))  # with the inferior horns
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.85
