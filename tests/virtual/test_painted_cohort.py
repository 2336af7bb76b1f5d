import json
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from made_hosts import write_masks
from pseudohealthy.errors import CohortError, InputError, LeakError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.volume import read_mask, read_volume
from pseudohealthy.virtual import painted_cohort
from pseudohealthy.virtual.host_files import find_hosts
from pseudohealthy.virtual.host_place import find_place
from pseudohealthy.virtual.painted_cohort import Wanted, paint_cohort

WANTED = [
    Wanted("sub-H1", "healthy", split="train"),
    Wanted("sub-H1", "stroke", 1, "train"),
    Wanted("sub-H1", "stroke", 2, "train"),
    Wanted("sub-H1", "sham", 1, "train"),
    Wanted("sub-H2", "stroke", 1, "test"),
    Wanted("sub-H2", "wmh", 1, "test"),
]


@pytest.fixture(scope="module", autouse=True)
def register_once():
    """Registration is `test_host`'s, and slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pseudohealthy.virtual.painted_cohort.find_place", cache(find_place))
        yield


@pytest.fixture(scope="module")
def hosts(hosts_folder):
    return find_hosts(hosts_folder)


@pytest.fixture(scope="module")
def dataset(hosts, masks_folder, tmp_path_factory):
    out, ticks = tmp_path_factory.mktemp("painted") / "data", []
    cohort = paint_cohort(out, hosts, WANTED, 5, 3.0, {"stroke": [masks_folder]}, lambda: ticks.append(1))
    assert len(ticks) == len(WANTED)
    return out, cohort


def test_the_cohort_is_what_was_asked_for(dataset):
    out, cohort = dataset
    assert [case.name for case in cohort] == [
        *("sub-H1_ses-healthy", "sub-H1_ses-stroke1", "sub-H1_ses-stroke2", "sub-H1_ses-sham1"),
        *("sub-H2_ses-stroke1", "sub-H2_ses-wmh1"),
    ]
    assert [case.subject for case in cohort] == ["sub-H1"] * 4 + ["sub-H2"] * 2
    assert [case.split for case in cohort] == [one.split for one in WANTED]
    assert [case.lesion_mask is None for case in cohort] == [True] + [False] * 5
    assert {case.label_map for case in cohort} == {"sub-H1_desc-tissue_dseg", "sub-H2_desc-tissue_dseg"}
    assert [case.columns["twin"] for case in cohort] == ["", *["sub-H1_ses-healthy"] * 3, "", ""]
    assert [case.columns["age"] for case in cohort] == ["30"] * 4 + ["40"] * 2
    assert not any("group" in case.columns for case in cohort)  # "healthy" is no longer true
    assert cohort[1].image == out / "sub-H1/ses-stroke1/anat/sub-H1_ses-stroke1_T1w.nii.gz"
    assert json.loads((out / "dataset_description.json").read_text())["DatasetType"] == "raw"
    assert "3 mm" in (out / "README").read_text()


def test_the_dataset_is_found_as_it_was_written(dataset):
    out, cohort = dataset
    assert list(discover([out])) == list(cohort)


def test_no_mask_is_used_twice_and_generated_lesions_name_their_host(dataset):
    _, cohort = dataset
    sources = [case.mask_source for case in cohort if case.pathology == "stroke"]
    assert len(set(sources)) == 3
    assert all(source.startswith("balls/patient") for source in sources)
    assert cohort[3].mask_source == "painted-sub-H1-sham-1"


def test_scans_of_a_host_are_equal_where_no_lesion_reaches(dataset):
    _, cohort = dataset
    images = [read_volume(case.image) for case in cohort[:3]]
    brains = [read_mask(case.brain_mask, image, "brain mask").data for case, image in zip(cohort, images, strict=False)]
    masks = [read_mask(case.lesion_mask, images[0], "lesion mask").data for case in cohort[1:3]]
    assert np.array_equal(brains[0], brains[1])
    for image, mask, case in zip(images[1:], masks, cohort[1:3], strict=True):
        equal = image.data == images[0].data
        assert 0.9 < equal.mean() < 1
        assert float(case.columns["lesion_ml"]) == pytest.approx(mask.sum() * 0.027, abs=1e-3)
        assert (~equal[mask]).mean() > 0.5


def test_a_generated_lesion_depends_on_its_own_name_and_the_seed_alone(dataset, hosts, tmp_path):
    _, cohort = dataset
    alone = paint_cohort(tmp_path, hosts[1:], WANTED[5:], 5, 3.0)
    assert alone[0].image.read_bytes() == cohort[5].image.read_bytes()
    assert alone[0].lesion_mask.read_bytes() == cohort[5].lesion_mask.read_bytes()


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        ([Wanted("sub-H1", "stroke", i) for i in range(5)], "masks of stroke: found 4; needed 5"),
        ([Wanted("sub-H1", "ms")], "masks of ms: found 0; needed 1"),
        ([Wanted("sub-H1", "sham")], "sham without the healthy scan"),
        ([Wanted("sub-H1", "wmh")] * 2, "sub-H1_ses-wmh1: found this scan twice"),
        ([Wanted("sub-H9", "wmh")], "host: found 'sub-H9'"),
        ([Wanted("sub-H1", "gout")], "pathology: found 'gout'"),
        ([Wanted("sub-H1", "wmh", split="exam")], "split: found 'exam'"),
        ([], "no scans"),
    ],
)
def test_what_cannot_be_painted_is_refused_and_nothing_written(hosts, masks_folder, tmp_path, wanted, match):
    with pytest.raises(InputError, match=match):
        paint_cohort(tmp_path / "out", hosts, wanted, 0, 3.0, {"stroke": [masks_folder]})
    assert not (tmp_path / "out").exists()


def test_a_lesion_that_has_no_place_in_its_host_is_refused(hosts, tmp_path, monkeypatch):
    monkeypatch.setattr(painted_cohort, "paint_host", lambda *_: SimpleNamespace(lesion_ml=0.0))
    with pytest.raises(CohortError, match="sub-H1_ses-ventricle1: found no place for it: a lesion of 0 ml"):
        paint_cohort(tmp_path / "out", hosts, [Wanted("sub-H1", "ventricle")], 0, 3.0)


def test_nobody_is_painted_on_two_sides(hosts, tmp_path):
    one = hosts[0]
    two = [one, replace(one, case=replace(one.case, name="sub-H1_ses-later"))]
    wanted = [Wanted(host.name, "healthy", split=split) for host, split in zip(two, ("train", "test"), strict=True)]
    with pytest.raises(LeakError, match="subject"):
        paint_cohort(tmp_path / "out", two, wanted, 0, 3.0)


def test_hosts_of_one_name_are_both_told(hosts, tmp_path):
    two = [replace(host, case=replace(host.case, name=f"sub-H1_run-{run}")) for run, host in enumerate(hosts[:2])]
    wanted = [Wanted(host.name, "healthy") for host in two]
    with pytest.raises(CohortError, match=r"this scan twice \(sub-H1_run-0, sub-H1_run-1: told apart by neither"):
        paint_cohort(tmp_path / "out", two, wanted, 0, 3.0)


def test_masks_that_fit_nobody_are_too_few(hosts, masks_folder, tmp_path):
    small = write_masks(tmp_path / "small", 1, radius_mm=1.0)
    with pytest.raises(CohortError, match=r"masks of stroke: found 1 masks.*no other fits sub-H1"):
        paint_cohort(tmp_path / "out", hosts, [Wanted("sub-H1", "stroke")], 0, 3.0, {"stroke": [small]})
    assert not (tmp_path / "out").exists()
