"""The door to ITK: places and values survive it, and its transform files say what ours do."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from conftest import world_mm
from pseudohealthy.prepare.itk import from_itk, to_itk, transform_text

C, S = np.cos(0.3), np.sin(0.3)
STORAGES = {
    "RAS": np.diag([2.0, 3, 4]),
    "LAS": np.diag([-4.0, 4, 4]),
    "oblique": 4 * np.array([[1, 0, 0], [0, C, -S], [0, S, C]]),
}


@pytest.mark.parametrize("storage", STORAGES)
def test_a_volume_comes_back_from_itk_with_every_voxel_in_its_place(storage, made_brain) -> None:
    scan = made_brain(STORAGES[storage])
    back = from_itk(to_itk(scan))
    upright = scan.canonical()
    assert np.array_equal(back.data, upright.data)
    assert np.allclose(world_mm(back), world_mm(upright), atol=1e-4)


def test_itk_sees_the_scan_where_it_lies(made_brain) -> None:
    scan = made_brain((4.0, 4, 4))
    x, y, z = world_mm(scan)[:, 3, 5, 7]
    assert to_itk(scan).TransformIndexToPhysicalPoint((3, 5, 7)) == pytest.approx((-x, -y, z))


def test_a_transform_file_resamples_the_source_into_the_target(tmp_path: Path) -> None:
    target_from_source = np.eye(4)
    target_from_source[:3] = [[1.1, 0.1, 0, 5], [-0.1, 0.9, 0.2, -7], [0, -0.2, 1.2, 9]]
    file = tmp_path / "xfm.txt"
    file.write_text(transform_text(target_from_source))
    source = np.array([12.0, -30, 44, 1])
    target = target_from_source @ source
    lps = np.array([-1, -1, 1])
    found = SimpleITK.ReadTransform(str(file)).TransformPoint([float(mm) for mm in lps * target[:3]])
    assert found == pytest.approx(lps * source[:3], abs=1e-6)
