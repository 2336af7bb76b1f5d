import gzip

import nibabel as nib
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pseudohealthy.errors import ImageError
from pseudohealthy.io.volume import read_volume, write_volume

GOOD = nib.Nifti1Image(
    np.random.default_rng(1).normal(50, 9, (8, 9, 10)).astype(np.int16), np.diag([-1.0, 2, 3, 1])
).to_bytes()
# Fields that decide how the rest is read: sizes, types, offsets, scaling, units, codes, matrices.
FIELDS = [(0, 4), (40, 16), (68, 6), (76, 32), (108, 4), (112, 8), (123, 1), (252, 4), (256, 24), (280, 48), (344, 8)]


@st.composite
def damaged(draw):
    """A NIfTI file with bytes of its header replaced, perhaps cut, perhaps zipped."""
    content = bytearray(GOOD)
    for start, length in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3)):
        at = draw(st.integers(0, length - 1))
        raw = draw(st.binary(min_size=1, max_size=length - at))
        content[start + at : start + at + len(raw)] = raw
    content = bytes(content[: draw(st.sampled_from([len(content), len(content) - 1, 400, 352, 347, 20]))])
    return gzip.compress(content) if draw(st.booleans()) else content


def outcome(path):
    try:
        return read_volume(path)
    except ImageError as error:
        return error


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=damaged())
def test_any_header_is_read_soundly_or_refused_in_one_line(content, tmp_path):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(content)
    volume = outcome(path)
    if isinstance(volume, ImageError):
        assert "\n" not in str(volume)
        return
    assert np.isfinite(volume.data).all()
    assert min(volume.shape) >= 8
    assert np.isfinite(volume.affine).all()
    assert volume.voxel_ml > 0
    write_volume(volume, tmp_path / "copy.nii.gz")
    copy = read_volume(tmp_path / "copy.nii.gz")
    np.testing.assert_array_equal(copy.data, volume.data)
    np.testing.assert_array_equal(copy.affine, volume.affine)
