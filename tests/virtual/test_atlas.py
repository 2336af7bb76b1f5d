import numpy as np
import pytest
import torch

from pseudohealthy.virtual.atlas import atlas


def at(x: float, y: float, z: float) -> dict[str, float]:
    names = ("gm", "wm", "csf", "ventricles", "t1", "deep")
    values = atlas().maps.at(torch.tensor([[x, y, z]]))[:, 0]
    return dict(zip(names, values.tolist(), strict=True))


def test_the_template_brain_has_its_known_volume():
    assert atlas().brain_ml == pytest.approx(1883, abs=5)


def test_tissues_add_up_to_one():
    assert float((atlas().maps.values[:3].sum(dim=0) - 1).abs().max()) < 0.01


def test_landmarks_lie_in_their_tissue():
    assert at(-26, -44, 14)["ventricles"] > 0.8
    assert at(26, -44, 14)["ventricles"] > 0.8
    assert at(-26, -20, 34)["wm"] > 0.9
    assert at(10, -20, 8)["deep"] == 1  # thalamus
    assert at(0, 60, 20)["deep"] == 0  # frontal lobe
    assert at(0, 10, 95)["csf"] == 1  # outside the head


def test_t1_is_in_units_of_tissue():
    gm, wm, csf, _, t1, _ = atlas().maps.values.numpy()
    brain = atlas().brain.values.numpy()[0] > 0.99
    medians = [np.median(t1[brain & (tissue > 0.97)]) for tissue in (csf, gm, wm)]
    assert medians == pytest.approx([0, 1, 2], abs=0.06)


def test_ventricles_are_of_both_sides_and_no_cistern_belongs_to_them():
    ventricles = atlas().maps.values[3].numpy() > 0.5
    left, right = ventricles[:98].sum() / 1000, ventricles[99:].sum() / 1000
    assert 6 < left < 12
    assert right == pytest.approx(left, rel=0.15)
    assert at(0, -38, -50)["ventricles"] == 0


def test_growth_points_into_the_ventricles_and_is_nowhere_longer_than_one():
    length = torch.linalg.vector_norm(atlas().growth.values, dim=0)
    assert float(length.max()) == pytest.approx(1.0, abs=1e-4)
    beside = torch.tensor([[38.0, -46.0, 14.0]])
    assert float(atlas().growth.at(beside)[0]) < -0.2
