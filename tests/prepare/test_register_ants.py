"""ANTs as another engine: its affine is read in the frames that it was given, and its absence is told."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pseudohealthy.errors import MissingExtraError
from pseudohealthy.prepare.brain_frame import frame_of
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.register import ENGINES
from pseudohealthy.prepare.register_ants import affine_by_ants


class FakeAnts:
    """Answers with a known affine around a centre, as ANTs writes it, and keeps what it was given."""

    matrix = np.array([[1.1, 0.1, 0], [0, 0.9, 0.2], [-0.1, 0, 1.2]])
    shift, centre = np.array([3.0, -4, 5]), np.array([10.0, 20, -30])

    def from_numpy(self, data, origin, spacing):
        return SimpleNamespace(data=data, origin=origin, spacing=spacing)

    def registration(self, fixed, moving, kind, **options):
        self.fixed, self.moving, self.kind, self.options = fixed, moving, kind, options
        return {"fwdtransforms": ["affine.mat"]}

    def read_transform(self, path):
        assert path == "affine.mat"
        return SimpleNamespace(parameters=[*self.matrix.ravel(), *self.shift], fixed_parameters=self.centre)


def test_a_point_of_the_template_goes_where_ants_sends_it(made_brain, monkeypatch: pytest.MonkeyPatch) -> None:
    ants = FakeAnts()
    monkeypatch.setitem(sys.modules, "ants", ants)
    scan, aim = (frame_of(brain, brain_mask(brain)) for brain in (made_brain((5.0, 5, 5)), made_brain((4.0, 5, 6))))
    found = affine_by_ants(scan, aim)
    point = np.array([7.0, -8, 9])
    assert (found @ [*point, 1])[:3] == pytest.approx(ants.matrix @ (point - ants.centre) + ants.shift + ants.centre)
    assert ants.kind == "Affine"
    assert ants.options["random_seed"] == 1
    half = np.array(ants.fixed.spacing) * (np.array(ants.fixed.data.shape) - 1) / 2
    assert np.array(ants.fixed.origin) == pytest.approx(-half)  # the frame's middle is 0
    assert ants.fixed.data.shape == aim.grid(2.0).shape
    assert ants.moving.data.shape == scan.grid(2.0).shape


def test_its_absence_is_told_with_the_line_that_installs_it(made_brain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ants", None)
    brain = made_brain((6.0, 6, 6))
    frame = frame_of(brain, brain_mask(brain))
    with pytest.raises(MissingExtraError, match=r"pip install 'pseudohealthy\[ants\]'"):
        affine_by_ants(frame, frame)


def test_it_can_be_chosen() -> None:
    assert ENGINES == ("simpleitk", "ants")
