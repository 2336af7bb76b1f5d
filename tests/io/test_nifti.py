import gzip
import itertools
import struct
from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pseudohealthy.errors import ImageError
from pseudohealthy.io.nifti import shape_of
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


SHAPE = (11, 13, 17)
VOXELS = np.random.default_rng(2).integers(0, 900, SHAPE).astype("<i2")
METRE, MM, MICRON = 1, 2, 3
PER_MM = {0: 1.0, METRE: 1e-3, MM: 1.0, MICRON: 1e3}
"""How many units of a code are a mm."""


@dataclass(frozen=True)
class Geometry:
    """A rotation (unit quaternion), a handedness, voxel sizes and a place, in mm."""

    turn: tuple[float, float, float, float]
    qfac: int
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]

    @property
    def affine(self):
        """By the formulas of nifti1.h."""
        a, b, c, d = self.turn
        rotation = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        )
        affine = np.eye(4)
        affine[:3, :3] = rotation * np.array(self.spacing_mm) * np.array([1, 1, self.qfac])
        affine[:3, 3] = self.origin_mm
        return affine


def nifti_bytes(geometry, sform, *, codes, unit=MM, pixdim=None, dim=(3, *SHAPE, 1, 1, 1, 1), per_mm=None):
    """A NIfTI-1 file, written by hand: what it says does not pass through the library that reads it."""
    per_mm = PER_MM.get(unit, 1.0) if per_mm is None else per_mm
    scaled = sform * per_mm
    sizes = [size * per_mm for size in geometry.spacing_mm] if pixdim is None else pixdim
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, *dim)
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, geometry.qfac, *sizes, 0, 0, 0, 0)
    struct.pack_into("<3f", head, 108, 352, 1, 0)
    struct.pack_into("<B", head, 123, unit)
    struct.pack_into("<2h", head, 252, *codes)
    struct.pack_into("<6f", head, 256, *geometry.turn[1:], *(mm * per_mm for mm in geometry.origin_mm))
    struct.pack_into("<12f", head, 280, *scaled[:3].ravel())
    head[344:348] = b"n+1\0"
    return bytes(head) + VOXELS.tobytes(order="F")


def unit_quaternion(numbers):
    turn = np.array(numbers) / np.linalg.norm(numbers)
    return tuple(float(part) for part in (turn if turn[0] >= 0 else -turn))


QUATERNION = (
    st.tuples(*[st.floats(-1, 1, width=32)] * 4)
    .filter(lambda four: np.linalg.norm(four) > 0.1)
    .map(unit_quaternion)
    # Where the first part, which the header leaves out, is small, float32 loses the others' last digits.
    .filter(lambda turn: turn[0] > 0.05)
)
GEOMETRY = st.builds(
    Geometry,
    QUATERNION,
    st.sampled_from([-1, 1]),
    st.tuples(*[st.floats(0.25, 6)] * 3),
    st.tuples(*[st.floats(-200, 200)] * 3),
)
FUZZ = settings(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_bytes(content, folder):
    (folder / "scan.nii").write_bytes(content)
    return outcome(folder / "scan.nii")


def assert_place(volume, affine, folder):
    """The voxels as stored, the affine within float32's rounding; and written, it is read as before."""
    np.testing.assert_array_equal(volume.data, VOXELS)
    np.testing.assert_allclose(volume.affine, affine, rtol=1e-4, atol=1e-3)
    write_volume(volume, folder / "copy.nii")
    np.testing.assert_array_equal(read_volume(folder / "copy.nii").affine, volume.affine)
    old, new = (nib.load(folder / name).header for name in ("scan.nii", "copy.nii"))
    assert all(np.array_equal(old[name], new[name]) for name in ("srow_x", "qoffset_x", "pixdim", "xyzt_units"))


@FUZZ
@given(geometry=GEOMETRY, unit=st.integers(0, 7), codes=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_sizes_in_any_unit_come_out_in_mm_or_are_refused(geometry, unit, codes, tmp_path):
    found = read_bytes(nifti_bytes(geometry, geometry.affine, codes=codes, unit=unit), tmp_path)
    if unit not in PER_MM:
        assert f"the unknown code {unit} for the unit of length" in str(found)
        return
    affine = geometry.affine
    if codes == (0, 0):  # ANALYZE's way: no rotation, left first, the middle at 0
        affine = np.diag([-geometry.spacing_mm[0], *geometry.spacing_mm[1:], 1.0])
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    assert_place(found, affine, tmp_path)
    assert (found.warnings != ()) == (codes == (0, 0))


@FUZZ
@given(geometry=GEOMETRY, unit=st.sampled_from([METRE, MICRON]), codes=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_mm_under_the_name_of_another_unit_are_refused(geometry, unit, codes, tmp_path):
    found = read_bytes(nifti_bytes(geometry, geometry.affine, codes=codes, unit=unit, per_mm=1.0), tmp_path)
    assert "Check the header's units" in str(found)


@FUZZ
@given(
    geometry=GEOMETRY,
    codes=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    axis=st.integers(0, 2),
    size=st.sampled_from([0.0, -0.0, -1.0, np.nan, np.inf, -np.inf, 1e-30, 1e30]),
)
def test_voxel_sizes_that_are_none_are_refused_whatever_the_codes(geometry, codes, axis, size, tmp_path):
    pixdim = [size if number == axis else mm for number, mm in enumerate(geometry.spacing_mm)]
    found = read_bytes(nifti_bytes(geometry, geometry.affine, codes=codes, pixdim=pixdim), tmp_path)
    assert isinstance(found, ImageError)
    assert "voxel" in str(found)


@FUZZ
@given(
    geometry=GEOMETRY,
    codes=st.tuples(st.integers(0, 4), st.integers(1, 4)),
    row=st.integers(0, 2),
    column=st.integers(0, 3),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_a_sform_with_a_number_that_is_none_is_refused(geometry, codes, row, column, value, tmp_path):
    sform = geometry.affine
    sform[row, column] = value
    assert "a singular or non-finite affine" in str(read_bytes(nifti_bytes(geometry, sform, codes=codes), tmp_path))


@FUZZ
@given(
    geometry=GEOMETRY,
    codes=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    axis=st.integers(0, 2),
    turned_deg=st.floats(0, 180),
    moved_mm=st.floats(0, 100),
    mirrored=st.booleans(),
    larger=st.sampled_from([1.0, 1.05, 1.3, 0.5]),
)
def test_a_sform_in_conflict_with_the_qform_is_told_or_refused(
    geometry, codes, axis, turned_deg, moved_mm, mirrored, larger, tmp_path
):
    assume(abs(turned_deg - 45) > 0.1)
    assume(abs(turned_deg - 1) > 0.1)
    assume(abs(moved_mm - 1) > 0.1)
    one, other = [(1, 2), (0, 2), (0, 1)][axis]
    c, s = np.cos(np.radians(turned_deg)), np.sin(np.radians(turned_deg))
    turn = np.eye(4)
    turn[one, one], turn[one, other], turn[other, one], turn[other, other] = c, -s, s, c
    sform = turn @ geometry.affine
    sform[:3, :3] *= larger
    sform[:3, 3] = geometry.affine[:3, 3]
    sform[axis, 3] += moved_mm
    if mirrored:
        sform[axis] *= -1
    found = read_bytes(nifti_bytes(geometry, sform, codes=codes), tmp_path)
    other_size, template = abs(larger - 1) > 0.1, codes[1] > 2
    if other_size and not template:
        assert "one size of its voxels" in str(found)
        return
    if mirrored or turned_deg > 45:
        assert ("mirror image" if mirrored else "turned by") in str(found)
        return
    assert_place(found, sform, tmp_path)
    apart = codes[0] == codes[1] and (turned_deg > 1 or moved_mm > 1)
    assert len(found.warnings) == apart + other_size


NDIM = st.sampled_from([3, 3, 3, 0, 1, 2, 4, 5, 7, 8])
AXIS = st.one_of(
    st.integers(8, 16), st.integers(-5, 40)
)  # most of the first kind together hold fewer voxels than SHAPE


@FUZZ
@given(geometry=GEOMETRY, axes=st.tuples(NDIM, *[AXIS] * 3, st.integers(-1, 4)))
def test_a_wrong_shape_is_refused(geometry, axes, tmp_path):
    ndim, *shape, volumes = axes
    assume(sorted(shape) != sorted(SHAPE) or tuple(shape) == SHAPE)  # swapped axes of one size cannot be told
    dim = (ndim, *shape, volumes, 1, 1, 1)
    found = read_bytes(nifti_bytes(geometry, geometry.affine, codes=(1, 1), dim=dim), tmp_path)
    if not isinstance(found, ImageError):
        assert (found.shape, ndim, volumes if ndim == 4 else 1) == (SHAPE, ndim, 1)
        assert_place(found, geometry.affine, tmp_path)


def test_the_fuzzed_headers_are_read_where_nothing_is_wrong(tmp_path):
    whole = Geometry((1.0, 0.0, 0.0, 0.0), 1, (1.0, 1.0, 1.2), (-90.0, -120.0, -70.0))
    for qfac, turn in itertools.product((-1, 1), ((1.0, 0.0, 0.0, 0.0), unit_quaternion((0.7, 0.1, -0.2, 0.5)))):
        geometry = replace(whole, qfac=qfac, turn=turn)
        assert_place(
            read_bytes(nifti_bytes(geometry, geometry.affine, codes=(1, 1)), tmp_path), geometry.affine, tmp_path
        )


@pytest.mark.parametrize("unit", [METRE, MICRON])
def test_a_scan_in_another_unit_keeps_its_place_in_another_storage_order(unit, tmp_path):
    geometry = Geometry(unit_quaternion((0.7, 0.1, -0.2, 0.5)), -1, (1.0, 2.0, 1.5), (9.0, 8.0, 7.0))
    volume = read_bytes(nifti_bytes(geometry, geometry.affine, codes=(1, 1), unit=unit), tmp_path)
    upright = volume.canonical()
    write_volume(upright, tmp_path / "upright.nii")
    again = read_volume(tmp_path / "upright.nii")
    np.testing.assert_allclose(again.affine, upright.affine, atol=1e-4)
    assert (again.qform_code, again.spacing_mm) == (1, pytest.approx(upright.spacing_mm))


def test_the_background_of_scaled_integers_is_0_again(tmp_path):
    """With an intercept no stored integer stands for 0 itself: the background would read as a fraction of a step."""
    brain = np.zeros((12, 12, 12), np.float32)
    brain[3:9, 3:9, 3:9] = np.random.default_rng(0).uniform(-7.3, 911.7, (6, 6, 6))
    image = nib.Nifti1Image(brain, np.eye(4))
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "scaled.nii.gz")
    stored = nib.load(tmp_path / "scaled.nii.gz")
    assert stored.dataobj.inter
    read = read_volume(tmp_path / "scaled.nii.gz")
    assert not read.data[brain == 0].any()
    np.testing.assert_allclose(read.data, brain, atol=stored.dataobj.slope)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_a_long_header_extension_is_passed_over_and_half_a_header_is_none(kind, tmp_path):
    image = kind(np.arange(990, dtype=np.float32).reshape(9, 10, 11), np.eye(4))
    image.header.set_qform(np.eye(4), 1)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 3000))
    nib.save(image, tmp_path / "long.nii")
    assert read_volume(tmp_path / "long.nii").shape == shape_of(tmp_path / "long.nii") == (9, 10, 11)
    (tmp_path / "cut.nii").write_bytes((tmp_path / "long.nii").read_bytes()[: kind.header_class.sizeof_hdr - 1])
    for read in (read_volume, shape_of):
        with pytest.raises(ImageError, match="bytes; needed a header of"):
            read(tmp_path / "cut.nii")
