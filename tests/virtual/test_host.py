import numpy as np
import pytest
from scipy import ndimage

from pseudohealthy.errors import CohortError, ImageError, InputError, MissingExtraError
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.volume import read_volume, write_volume
from pseudohealthy.virtual.host_files import HostFiles, find_hosts
from pseudohealthy.virtual.host_place import BOXED, REGISTERED, find_place, load_host


def test_a_host_is_in_units_of_white_matter_with_whole_tissues(host):
    canvas = host.canvas
    assert np.median(canvas.image[(canvas.wm > 0.95) & canvas.brain]) == pytest.approx(1, abs=0.03)
    assert canvas.csf_level < canvas.gm_level < 0.85
    assert np.allclose((canvas.gm + canvas.wm + canvas.csf)[canvas.brain], 1, atol=1e-4)
    assert np.all(canvas.image[~canvas.brain] == 0)
    white = canvas.wm * canvas.brain
    assert np.sum(white * canvas.lateral_mm) / white.sum() == pytest.approx(0, abs=3)


def test_displaced_tissue_is_the_scan_seen_elsewhere_in_one_interpolation(host):
    canvas = host.canvas
    shift = np.zeros_like(canvas.points_mm)
    shift[..., 0] = canvas.spacing_mm
    moved = canvas.redraw(shift)
    inner = ndimage.binary_erosion(canvas.brain, iterations=2)[:-1]
    here, there = (moved.image * host.unit)[:-1][inner], (canvas.image * host.unit)[1:][inner]
    assert np.allclose(here, there, rtol=1e-3, atol=1e-3 * float(host.unit.max()))
    assert np.allclose(moved.gm[:-1][inner], canvas.gm[1:][inner], atol=1e-3)


def test_where_nothing_is_displaced_nothing_changes(host):
    canvas = host.canvas
    some = np.zeros_like(canvas.points_mm)
    some[20:25, 30:35, 20:25] = 1.0
    moved = canvas.redraw(some)
    changed = moved.image != canvas.image
    assert changed[20:25, 30:35, 20:25].any()
    changed[20:25, 30:35, 20:25] = False
    assert not changed.any()


def test_the_warp_is_the_seed_s_and_small(place):
    one, same, other = (load_host(place, seed).canvas.image for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    inner = ndimage.binary_erosion(one > 0, iterations=3) & (other > 0)
    assert np.corrcoef(one[inner], other[inner])[0, 1] > 0.9


def test_the_grid_keeps_the_world(place, host):
    scan = read_volume(place.files.case.image)
    centre = place.grid.affine[:3, :3] @ np.argwhere(host.canvas.brain).mean(axis=0) + place.grid.affine[:3, 3]
    true = scan.affine[:3, :3] @ np.argwhere(scan.data > 0).mean(axis=0) + scan.affine[:3, 3]
    assert np.linalg.norm(centre - true) < 1.5
    assert np.linalg.det(place.grid.affine[:3, :3]) == pytest.approx(27, rel=1e-6)


def test_hosts_are_found_with_their_label_maps(hosts_folder):
    found = find_hosts(hosts_folder)
    assert [host.name for host in found] == ["sub-H1", "sub-H2"]
    assert [host.label_map for host in found] == ["sub-H1_desc-tissue_dseg", "sub-H2_desc-tissue_dseg"]


def test_a_scan_without_a_label_map_is_told_how_to_get_one(hosts_folder):
    with pytest.raises(CohortError, match=r"no label maps that are called none.*FAST.*SynthSeg"):
        find_hosts(hosts_folder, "none")


def test_label_maps_of_other_labels_and_odd_voxel_sizes_are_refused(place, tmp_path):
    labels = read_volume(place.files.tissue)
    write_volume(labels.like(labels.data * 10), tmp_path / "sub-H1_desc-tissue_dseg.nii.gz")
    files = HostFiles(Case("sub-H1", place.files.case.image), tmp_path / "sub-H1_desc-tissue_dseg.nii.gz")
    with pytest.raises(ImageError, match="tissue label map with the values 10, 20, 30"):
        load_host(type(place)(files, place.grid, place.brain, place.by), 0)
    with pytest.raises(InputError, match="9 mm"):
        find_place(files, 9.0)


def test_without_simpleitk_the_brain_s_box_is_laid_over_the_template_s(place, monkeypatch):
    def missing(*_):
        raise MissingExtraError("SimpleITK", found="", needed="", fix="")

    monkeypatch.setattr("pseudohealthy.virtual.host_place.register", missing)
    boxed = find_place(place.files, 3.0)
    assert (place.by, boxed.by) == (REGISTERED, BOXED)
    corners = np.array([[x, y, z, 1] for x in (-60, 60) for y in (-70, 70) for z in (-20, 60)], float).T
    to_world = place.grid.world_from_head @ corners
    ways = [one.grid.mni_from_head @ np.linalg.inv(one.grid.world_from_head) @ to_world for one in (place, boxed)]
    assert np.linalg.norm((ways[0] - ways[1])[:3], axis=0).max() < 15
