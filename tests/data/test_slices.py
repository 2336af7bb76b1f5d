"""Slabs are neighbours on the grid of one scan, and single slices are drawn as before there were slabs."""

import numpy as np
import pytest
import torch

from pseudohealthy.data.slices import Sampler, SliceStore, fixed_slices

SCANS, HEIGHT = 5, 20
BRAIN = range(3, 18)
LESIONS = {0: (4, 5), 1: (16,), 3: (9, 10, 11)}
"""Scan -> slices with lesion."""


@pytest.fixture
def store(tmp_path):
    """Scans whose voxels say where they are: 100 times the scan, plus the slice."""
    made = SliceStore.create(tmp_path / "slices", SCANS, (HEIGHT, 4, 4))
    for scan in range(SCANS):
        image = np.broadcast_to(100 * scan + np.arange(HEIGHT)[:, None, None], (HEIGHT, 4, 4)).astype(np.float32)
        mask, lesion = np.zeros((2, HEIGHT, 4, 4), bool)
        mask[list(BRAIN)] = True
        lesion[list(LESIONS.get(scan, ()))] = True
        made.put(scan, image, mask, lesion)
    return made


def places(batch, slab):
    """(scan, position) of each slice, (slab, slice, 2)."""
    scan, position = batch.x[:, 0, 0, 0].long() // 100, batch.x[:, 0, 0, 0].long() % 100
    assert torch.equal(position, batch.position)
    return torch.stack((scan, position), dim=1).unflatten(0, (-1, slab))


@pytest.mark.parametrize("slab", [1, 2, 7, HEIGHT])
@pytest.mark.parametrize("lesion_share", [0.0, 1.0])
def test_slabs_are_neighbours_inside_one_scan(store, slab, lesion_share):
    sampler = Sampler(store, 0, lesion_share, slab)
    found = torch.cat([places(sampler.draw(step, 2 * slab), slab) for step in range(100)])
    assert (found[:, :, 0] == found[:, :1, 0]).all()
    assert torch.equal(found[:, :, 1] - found[:, :1, 1], torch.arange(slab).expand(200, slab))
    assert found[:, 0, 1].min() >= 0
    assert found[:, -1, 1].max() < HEIGHT
    assert torch.bincount(found[:, 0, 0]).tolist() == [40] * SCANS  # one slab a scan and epoch


def test_a_lesioned_slab_has_its_lesion_anywhere(store):
    sampler = Sampler(store, 0, 1.0, 4)
    lesioned = torch.cat([sampler.draw(step, 20).lesion.flatten(1).any(dim=1).view(5, 4) for step in range(60)])
    scans = torch.cat([places(sampler.draw(step, 20), 4)[:, 0, 0] for step in range(60)])
    assert lesioned[torch.isin(scans, torch.tensor(list(LESIONS)))].any(dim=1).all()
    in_the_middle = lesioned[scans == 3]
    assert in_the_middle.any(dim=0).all()
    assert not in_the_middle.all(dim=0).any()


def test_single_slices_are_drawn_as_before_there_were_slabs(store):
    step, size, seed, share = 7, 6, 3, 0.5
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1, step]))
    lesioned, where = rng.random(size) < share, rng.random(size)
    expected = []
    for i in range(size):
        epoch, place = divmod(step * size + i, SCANS)
        scan = int(np.random.default_rng(np.random.SeedSequence([seed, 0, epoch])).permutation(SCANS)[place])
        pool = LESIONS.get(scan, BRAIN) if lesioned[i] else BRAIN
        expected.append([scan, pool[int(where[i] * len(pool))]])
    assert places(Sampler(store, seed, share).draw(step, size), 1)[:, 0].tolist() == expected


@pytest.mark.parametrize(("slab", "slabs"), [(1, 12), (4, 3), (5, 2), (16, 1)])
def test_validation_slabs_are_spread_over_the_scans(store, slab, slabs):
    batch = fixed_slices(store, 12, lesioned=True, slab=slab)
    found = places(batch, slab)
    assert len(found) == slabs
    assert torch.equal(found[:, :, 1] - found[:, :1, 1], torch.arange(slab).expand(slabs, slab))
    assert (found[:, :, 0] == found[:, :1, 0]).all()
    assert found[0, 0, 0] == 0
    if slabs > 1:
        assert found[-1, 0, 0] == SCANS - 1
    assert batch.lesion.unflatten(0, (-1, slab))[0].any()


def test_validation_slabs_that_meet_at_the_border_are_taken_once(store):
    found = places(fixed_slices(store, 10 * HEIGHT, slab=HEIGHT), HEIGHT)
    assert found[:, 0].tolist() == [[scan, 0] for scan in range(SCANS)]
