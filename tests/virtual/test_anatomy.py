import numpy as np
import pytest
import torch

from pseudohealthy.virtual.anatomy import Anatomy, brain
from pseudohealthy.virtual.atlas import atlas
from pseudohealthy.virtual.fields import HALF_FIELD_MM

STEP_MM = 5.0


@pytest.fixture(scope="module")
def points() -> torch.Tensor:
    axes = [torch.arange(-half, half + 1, STEP_MM) for half in HALF_FIELD_MM]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def test_head_sizes_are_those_of_adults(points):
    volumes = [float((brain(Anatomy(s).atlas_mm(points)) > 0.5).sum()) * STEP_MM**3 / 1000 for s in range(12)]
    assert 1000 < min(volumes) < max(volumes) < 1800
    assert np.std(volumes) > 50


def test_the_deformation_folds_nothing(points):
    for seed in range(4):
        moved = Anatomy(seed).atlas_mm(points)
        jacobian = torch.stack(torch.gradient(moved, spacing=STEP_MM, dim=(0, 1, 2)), dim=-1)
        inside = brain(moved) > 0.5
        assert float(torch.linalg.det(jacobian)[inside].min()) > 0.1


def test_tissues_are_probabilities_that_add_up(points):
    anatomy = Anatomy(1)
    tissues = anatomy.tissues(points, anatomy.atlas_mm(points))
    total = tissues.gm + tissues.wm + tissues.csf
    assert float((total - 1).abs().max()) < 1e-5
    assert bool((tissues.ventricles <= tissues.csf + 1e-6).all())
    assert bool((tissues.ventricles >= 0).all())


def test_the_ventricles_differ_between_people(points):
    volumes = []
    for seed in range(10):
        anatomy = Anatomy(seed)
        volumes.append(float(anatomy.tissues(points, anatomy.atlas_mm(points)).ventricles.sum()) * STEP_MM**3 / 1000)
    assert min(volumes) > 5
    assert max(volumes) < 70
    assert max(volumes) / min(volumes) > 1.5


def test_one_seed_is_one_person_and_two_are_two(points):
    first, again, other = (Anatomy(s).atlas_mm(points) for s in (4, 4, 5))
    assert torch.equal(first, again)
    assert float((first - other).abs().mean()) > 1.0


def test_left_is_negative():
    anatomy = Anatomy(2)
    sides = torch.tensor([[-40.0, 0, 20], [40.0, 0, 20]])
    left, right = anatomy.tissues(sides, anatomy.atlas_mm(sides)).lateral_mm.tolist()
    assert left == pytest.approx(-40, abs=12)
    assert right == pytest.approx(40, abs=12)


def test_sulci_are_a_persons_own():
    """Where the template is sure of nothing, two people with the same deformation would differ all the same."""
    somewhere = torch.tensor([[-50.0, -20, 45]]) + torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) * 20
    there = somewhere + torch.tensor(atlas().centre_mm)
    one, two = Anatomy(6).tissues(somewhere, there), Anatomy(7).tissues(somewhere, there)
    assert float((one.gm - two.gm).abs().mean()) > 0.05
    assert torch.equal(one.t1, two.t1)
