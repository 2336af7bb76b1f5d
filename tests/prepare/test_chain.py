"""A raw scan, prepared: every step is told, the way back is exact, what cannot be trusted is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import world_mm
from pseudohealthy.errors import ImageError
from pseudohealthy.io.templates import load_template
from pseudohealthy.prepare import chain
from pseudohealthy.prepare.chain import ChainSettings, prepare_raw
from pseudohealthy.prepare.register import Registration

C, S = np.cos(np.radians(12)), np.sin(np.radians(12))
STORAGES = {
    "RAS": np.diag([3.0, 3, 3]),
    "LAS": np.diag([-3.0, 3, 3]),
    "sagittal PIR": 3 * np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]),
}
NATIVE = ChainSettings(space="native")
BOX = ChainSettings(space="brainbox", spacing_mm=4.0)
TEMPLATE = ChainSettings(spacing_mm=4.0)
TURNED = np.array([[1.0, 0, 0, 4], [0, C, -S, -20], [0, S, C, 11], [0, 0, 0, 1]])


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch):
    """Registration is tested by itself: here it finds what the test says."""

    def finds(template_from_world, problems=()):
        found = Registration(template_from_world, 0.96, 0.8, 1.0, (0.9, 1.0, 1.1), 5.0, problems)
        monkeypatch.setattr(chain, "register", lambda *_: found)

    return finds


def sphere(scan, centre_mm, radius_mm=20.0):
    distance = np.linalg.norm(world_mm(scan) - np.array(centre_mm)[:, None, None, None], axis=0)
    return scan.like(distance < radius_mm)


def centroid(mask):
    return world_mm(mask)[:, mask.data].mean(axis=1)


def test_native_keeps_the_scans_grid_and_takes_away_the_background_only(made_brain) -> None:
    scan = made_brain(STORAGES["sagittal PIR"])
    prepared = prepare_raw(scan, NATIVE)
    assert prepared.space == "orig"
    assert prepared.image.shape == scan.shape
    assert np.array_equal(prepared.image.affine, scan.affine)
    assert np.array_equal(prepared.mask.data, scan.data != 0)
    back = prepared.scale.undo(prepared.image.data)
    inside = prepared.mask.data & (prepared.image.data > 0) & (prepared.image.data < 1.5)
    assert np.allclose(back[inside], scan.data[inside], rtol=1e-4)


@pytest.mark.parametrize("storage", STORAGES)
def test_the_same_head_in_any_storage_and_brightness_is_prepared_alike(storage, made_brain) -> None:
    plain = prepare_raw(made_brain(STORAGES["RAS"], noise=0), BOX)
    scan = made_brain(STORAGES[storage], noise=0)
    other = prepare_raw(scan.like(3 * scan.data), BOX)
    inside = plain.mask.data & other.mask.data
    assert np.corrcoef(plain.image.data[inside], other.image.data[inside])[0, 1] > 0.97


@pytest.mark.parametrize("storage", STORAGES)
def test_a_lesion_mask_goes_where_its_scan_goes(storage, made_brain, registered) -> None:
    registered(TURNED)
    scan = made_brain(STORAGES[storage])
    centre = np.array([25.0, -10, 15])  # on the left of no mirror
    carried = prepare_raw(scan, TEMPLATE).carry(sphere(scan, centre))
    assert centroid(carried) == pytest.approx((TURNED @ [*centre, 1])[:3], abs=0.7)
    assert carried.data.sum() * carried.voxel_ml == pytest.approx(4 / 3 * np.pi * 20**3 / 1000, rel=0.1)


def test_a_registered_scan_lies_in_the_template_voxel_upon_voxel(made_brain, registered) -> None:
    registered(np.eye(4))
    template = load_template("mni152").t1
    prepared = prepare_raw(made_brain((5.0, 5, 5)), ChainSettings(field_mm=(120, 120, 120)))
    assert prepared.space == "MNI152"
    assert prepared.image.shape == (120, 120, 120)
    voxels = np.linalg.inv(template.affine) @ prepared.image.affine
    assert np.allclose(voxels, np.round(voxels), atol=1e-6)
    assert prepared.steps["registration"]["mask_dice"] == 0.96


def test_the_outline_is_the_templates_brain_at_its_place(made_brain, registered) -> None:
    registered(np.eye(4))
    prepared = prepare_raw(made_brain((5.0, 5, 5)), TEMPLATE)
    brain = load_template("mni152").brain_mask
    assert centroid(prepared.outline) == pytest.approx(centroid(brain), abs=0.5)


def test_a_registration_that_cannot_be_trusted_is_refused_with_its_reasons(made_brain, registered) -> None:
    registered(np.eye(4), problems=("the head is upside down",))
    with pytest.raises(ImageError, match="does not fit the template mni152: the head is upside down"):
        prepare_raw(made_brain((5.0, 5, 5)), TEMPLATE)


def test_brain_outside_the_field_is_counted_and_told(made_brain, registered) -> None:
    shifted = np.eye(4)
    shifted[1, 3] = 60
    registered(shifted)
    prepared = prepare_raw(made_brain((5.0, 5, 5)), TEMPLATE)
    coverage = prepared.steps["resample"]["coverage"]
    assert 0.5 < coverage < 0.9
    assert any(f"{1 - coverage:.1%} of the brain lies outside" in warning for warning in prepared.warnings)


def test_a_cut_brain_and_thick_slices_are_told(made_brain) -> None:
    scan = made_brain((2.0, 2, 5))
    cut = replace(scan, data=scan.data[:, :, :20])
    warnings = prepare_raw(cut, NATIVE).warnings
    assert any("upper edge" in warning for warning in warnings)
    assert not any("lower edge" in warning for warning in warnings)
    assert any("5.0 mm thick" in warning for warning in warnings)


def test_only_a_whole_head_goes_to_the_tool(made_brain, monkeypatch: pytest.MonkeyPatch) -> None:
    brain = made_brain((5.0, 5, 5))
    monkeypatch.setattr(chain, "strip_head", lambda scan, tool: scan.like(brain.data != 0))
    head = brain.like(brain.data + 100)
    settings = replace(NATIVE, strip="deepbet")
    assert prepare_raw(head, settings).steps["brain_mask"]["source"] == "deepbet"
    assert prepare_raw(brain, settings).steps["brain_mask"]["source"] == "background of 0"
    assert prepare_raw(head, settings, brain.like(brain.data != 0)).steps["brain_mask"]["source"] == "given"


def test_the_steps_are_told_in_their_order(made_brain) -> None:
    prepared = prepare_raw(made_brain((5.0, 5, 5)), replace(BOX, bias_field_levels=2))
    assert list(prepared.steps) == ["read", "brain_mask", "bias_field", "intensity", "resample"]
    assert prepared.steps["bias_field"] == {"method": "N4", "levels": 2}
    assert prepared.bias_field is not None
    assert prepare_raw(made_brain((5.0, 5, 5)), BOX).bias_field is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"strip": "axe"},
        {"space": "mars"},
        {"spacing_mm": 0.0},
        {"field_mm": (4.0, 192.0, 160.0)},
        {"bias_field_levels": 5},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ChainSettings(**wrong)
