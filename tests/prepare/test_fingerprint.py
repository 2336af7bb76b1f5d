"""Whether the threshold suits real brains is measured by `benchmarks/same_brain.py`."""

import numpy as np
import pytest
from scipy import ndimage

from conftest import make_brain
from pseudohealthy.io.bids import discover
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.prepare.fingerprint import SAME_BRAIN, fingerprint, same_brains


def person(seed, axes=(3.0, 3.0, 3.0), noise_seed=0):
    """A made brain with folds of its own: a smooth random field in world mm, whatever the voxels."""
    brain = make_brain(axes, seed=noise_seed)
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((52, 64, 50)), 2.0)
    indices = np.indices(brain.shape).reshape(3, -1)
    mm = brain.affine[:3, :3] @ indices + brain.affine[:3, 3:]
    values = ndimage.map_coordinates(field / field.std(), mm / 3.0 + np.array([[26], [32], [25]]) - 0.5, order=1)
    return brain.like((brain.data * (1 + 0.15 * values.reshape(brain.shape))).astype(np.float32))


def similarity(one, other):
    (pair,) = same_brains({"a": fingerprint(one), "b": fingerprint(other)}, threshold=-1.0)
    return pair.similarity


BRAIN = person(1)
MASK = BRAIN.data != 0


@pytest.mark.parametrize(
    "copy",
    [
        lambda: person(1, noise_seed=5),
        lambda: person(1, (2.0, 2.0, 2.5)),
        lambda: person(1, [[0, 0, -3.0], [3.0, 0, 0], [0, 3.0, 0]]),
        lambda: BRAIN.like(BRAIN.data[::-1]),
        lambda: BRAIN.like(BRAIN.data * 7),
        lambda: Volume(np.pad(BRAIN.data, ((7, 0), (0, 5), (3, 3))), BRAIN.affine),
        lambda: BRAIN.like((BRAIN.data**0.8).astype(np.float32)),
        lambda: BRAIN.like(BRAIN.data * ndimage.binary_erosion(MASK)),
    ],
    ids=["other noise", "other voxels", "other storage", "mirrored", "scaled", "padded", "gamma", "thinner mask"],
)
def test_a_changed_copy_is_the_same_brain(copy):
    assert similarity(BRAIN, copy()) > SAME_BRAIN


def test_another_person_is_not():
    prints = {str(seed): fingerprint(person(seed)) for seed in range(6)}
    assert same_brains(prints) == []
    assert len(same_brains(prints, -1.0)) == 15


def test_pairs_are_told_with_how_they_are_alike():
    prints = {
        "a": fingerprint(BRAIN),
        "b": fingerprint(person(2)),
        "c": fingerprint(BRAIN.like(BRAIN.data[::-1])),
        "d": fingerprint(person(1, noise_seed=5)),
    }
    first, *others = same_brains(prints)
    assert (first.first, first.second, first.same_voxels) == ("a", "c", True)
    assert str(first) == "a and c: the same voxels"
    assert {(pair.first, pair.second, pair.same_voxels) for pair in others} == {("a", "d", False), ("c", "d", False)}
    assert str(others[0]).endswith(f": the same brain by its looks (r = {others[0].similarity:.2f})")


def test_a_mask_makes_a_whole_head_comparable_with_its_stripped_brain():
    head = BRAIN.like(np.where(MASK, BRAIN.data, 300 + 50 * np.sin(np.indices(BRAIN.shape)[0])).astype(np.float32))
    masked = fingerprint(head, BRAIN.like(MASK))
    (pair,) = same_brains({"head": masked, "brain": fingerprint(BRAIN)}, -1.0)
    assert pair.similarity > 0.99


@pytest.mark.parametrize("gamma", [0.6, 1.0, 1.5])
def test_whole_heads_are_compared_as_they_are(gamma):
    air = np.abs(np.random.default_rng(0).normal(0, 9, (80, 90, 80)))
    heads = []
    for seed in (1, 1, 2):
        brain = person(seed).data
        data = air.copy()
        data[: brain.shape[0], : brain.shape[1], : brain.shape[2]] += brain
        data = data ** (gamma if heads else 1.0)
        heads.append(fingerprint(Volume(data.astype(np.float32), np.diag([3.0, 3, 3, 1]))))
    pairs = same_brains(dict(zip("abc", heads, strict=True)))
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b")]


@pytest.mark.parametrize("data", [np.zeros((9, 9, 9)), np.ones((9, 9, 9)), np.eye(9)[:, :, None] * np.ones(9)])
def test_what_is_no_brain_has_a_fingerprint_all_the_same(data):
    print_ = fingerprint(Volume(data.astype(np.float32), np.eye(4)))
    assert np.isfinite(print_.thumbnail).all()


def test_a_field_of_less_than_a_block_is_compared_with_others():
    """Of a mouse, or of a wrong unit."""
    tiny = Volume(person(0).data[:20, :20, :10], np.diag([0.1, 0.1, 0.1, 1.0]))
    assert same_brains({"tiny": fingerprint(tiny, None), "sound": fingerprint(person(1), None)}) == []


def test_many_are_compared_in_blocks(monkeypatch):
    monkeypatch.setattr("pseudohealthy.prepare.fingerprint._BLOCK", 2)
    prints = {f"{n}": fingerprint(person(n % 3)) for n in range(5)}
    assert {(pair.first, pair.second) for pair in same_brains(prints)} == {("0", "3"), ("1", "4")}


def test_two_people_differ_and_a_coarse_copy_does_not(shared_data):
    cases = list(discover([shared_data / "oasis"]))[:3]
    prints = {case.name: fingerprint(read_volume(case.image)) for case in cases}
    image = read_volume(cases[0].image)
    coarse = Volume(image.data[::2, ::2, ::2], image.affine @ np.diag([2.0, 2, 2, 1]))
    pairs = same_brains({**prints, "copy": fingerprint(coarse)})
    assert [(pair.first, pair.second) for pair in pairs] == [(cases[0].name, "copy")]
