import numpy as np
import pytest

from conftest import make_brain
from pseudohealthy.errors import ImageError
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.check import scan_facts

BRAIN = make_brain((4.0, 4.0, 4.0))
FINE = make_brain((3.0, 2.9, 2.8))


def test_the_facts_of_a_sound_scan_without_a_remark():
    facts = scan_facts(FINE)
    assert facts.shape == FINE.shape
    assert facts.spacing_mm == pytest.approx((3.0, 2.9, 2.8))
    assert facts.orientation == "RAS"
    assert facts.brain_ml == pytest.approx(1617, rel=0.02)
    assert 200 < facts.low < 320
    assert 1000 < facts.high < 1080
    assert facts.remarks == ()


def test_the_orientation_is_that_of_the_storage():
    assert scan_facts(make_brain([[0, 0, -3.0], [3.0, 0, 0], [0, -3.0, 0]])).orientation == "AIL"


def test_a_whole_head_is_told_and_no_error():
    head = BRAIN.like(BRAIN.data + np.random.default_rng(0).uniform(1, 90, BRAIN.shape).astype(np.float32))
    facts = scan_facts(head)
    assert facts.brain_ml is None
    assert any("pseudohealthy prepare" in remark for remark in facts.remarks)
    masked = scan_facts(head, BRAIN.like(BRAIN.data != 0))
    assert masked.brain_ml == pytest.approx(1617, rel=0.02)
    assert not any("whole head" in remark for remark in masked.remarks)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (make_brain((1.5, 1.5, 6.0)), "Slices of 6 mm"),
        (Volume(np.pad(FINE.data, ((0, 0), (0, 0), (40, 40))), FINE.affine), "A field of view of"),
        (
            Volume(FINE.data, FINE.affine @ np.array([[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])),
            "not at right angles",
        ),
        (FINE.like(np.rint(FINE.data / 300).astype(np.float32)), "different values: is this a label map?"),
        (Volume(FINE.data[:, :, :-8], FINE.affine), "The field of view ends within the brain (superior"),
        (Volume(FINE.data[:, :, :-8][:, :, ::-1], np.diag([1.0, 1, -1, 1]) @ FINE.affine), "(superior"),
    ],
    ids=["thick", "long", "sheared", "labels", "cut", "cut, stored the other way"],
)
def test_what_is_odd_is_said(image, said):
    (remark,) = [remark for remark in scan_facts(image).remarks if said in remark]
    assert remark.endswith((".", "?"))


def test_voxels_too_small_to_be_true_are_told():
    mask = BRAIN.like(BRAIN.data != 0)
    tiny = Volume(BRAIN.data, np.diag([0.3, 4.0, 45.0, 1.0]))
    assert any("Voxels of 0.3 mm" in remark for remark in scan_facts(tiny, tiny.like(mask.data)).remarks)


@pytest.mark.parametrize(
    ("image", "mask", "found"),
    [
        (Volume(BRAIN.data, np.diag([1.5, 1.5, 1.5, 1])), None, "probably a slab"),
        (BRAIN.like((BRAIN.data != 0).astype(np.float32)), None, "no contrast"),
        (BRAIN, BRAIN.like(np.ones(BRAIN.shape, bool)), "a brain mask of"),
    ],
)
def test_what_is_no_brain_is_refused(image, mask, found):
    with pytest.raises(ImageError, match=found):
        scan_facts(image, mask)
