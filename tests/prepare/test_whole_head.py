from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pseudohealthy.errors import ImageError
from pseudohealthy.prepare.register import Registration
from pseudohealthy.prepare.whole_head import strip_head

GOOD = Registration(np.eye(4), 0.96, 0.8, 1.0, (1.0, 1.0, 1.0), 0.0)


@pytest.fixture
def head(made_brain, monkeypatch):
    """A whole head, whose brain the tool finds; `head.registration` is what the registration says about it."""
    brain = made_brain((5.0, 5.0, 5.0))
    scan = replace(brain.like(brain.data + 100), source=Path("head.nii.gz"))
    monkeypatch.setattr("pseudohealthy.prepare.whole_head.find_brain", lambda image, tool: image.like(brain.data != 0))

    def says(registration):
        monkeypatch.setattr("pseudohealthy.prepare.whole_head.register", lambda *_: registration)
        return scan

    return says


def test_the_brain_that_a_tool_finds_is_the_mask(head, made_brain):
    np.testing.assert_array_equal(strip_head(head(GOOD), "deepbet").data, made_brain((5.0, 5.0, 5.0)).data != 0)


def test_a_mask_that_does_not_fit_the_template_is_refused_with_what_is_wrong(head):
    scan = head(replace(GOOD, mask_dice=0.7, problems=("the masks overlap by 0.70",)))
    with pytest.raises(
        ImageError, match=r"head\.nii\.gz: found a brain, by deepbet, .*mni152: the masks overlap by 0\.70"
    ):
        strip_head(scan, "deepbet")


def test_a_mask_of_no_brain_s_volume_is_refused_before_it_is_registered(head, monkeypatch):
    scan = head(GOOD)
    monkeypatch.setattr("pseudohealthy.prepare.whole_head.register", None)
    with pytest.raises(ImageError, match="of 202 ml"):
        strip_head(replace(scan, affine=scan.affine @ np.diag([0.5, 0.5, 0.5, 1])), "deepbet")
