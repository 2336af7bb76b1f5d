import errno
import gzip
import itertools
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from pseudohealthy.errors import ImageError, OutputError
from pseudohealthy.io.volume import Volume, read_mask, read_volume, write_volume

SHAPE = (9, 10, 11)
DATA = np.random.default_rng(0).normal(100, 20, SHAPE).astype(np.float32)
LAS = np.array([[-2.0, 0, 0, 30], [0, 3.0, 0, -40], [0, 0, 4.0, 50], [0, 0, 0, 1]])


def tilted(degrees=15.0):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0, 5], [0, c, -s, 6], [0, s, c, 7], [0, 0, 0, 1.0]])


def save(path, data=DATA, affine=LAS, qform=1, sform=1, edit=None):
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, sform)
    image.set_qform(affine, qform)
    content = bytearray(image.to_bytes())
    if edit:
        edit(content)
    content = bytes(content)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def put(offset, value, dtype):
    """Overwrite a header field."""

    def edit(content):
        raw = np.asarray(value, dtype).tobytes()
        content[offset : offset + len(raw)] = raw

    return edit


def cut(content):
    del content[-500:]


def gz_cut(path):
    path.write_bytes(gzip.compress(nib.Nifti1Image(DATA, LAS).to_bytes())[:-200])
    return path


def gz_damaged(path):
    content = bytearray(gzip.compress(nib.Nifti1Image(DATA, LAS).to_bytes()))
    content[-6] ^= 0xFF  # in the checksum: every voxel can be read, but some of them may be wrong
    path.write_bytes(content)
    return path


def with_voxel(value):
    data = DATA.copy()
    data[3, 4, 5] = value
    return data


def pair(path):
    image = nib.Nifti1Pair(DATA, LAS)
    image.to_filename(path.with_name("pair.img"))
    return path.with_name("pair.hdr")


RGB = np.zeros(SHAPE, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
BAD = {
    "missing": (lambda p: p.with_name("absent.nii.gz"), "no such file"),
    "folder": (lambda p: p.parent, "a folder"),
    "empty": (lambda p: (p.write_bytes(b""), p)[1], "an empty file"),
    "text": (lambda p: (p.write_text("not an image" * 100), p)[1], "no NIfTI header"),
    "shorter than a header": (lambda p: (p.write_bytes(b"\x5c\x01\0\0"), p)[1], "no NIfTI header"),
    "header and image apart": (pair, "no NIfTI header"),
    "gzip of text": (lambda p: (p.write_bytes(gzip.compress(b"text" * 200)), p)[1], "no NIfTI header"),
    "truncated gzip": (gz_cut, "damaged gzip"),
    "wrong checksum": (gz_damaged, "damaged gzip"),
    "truncated": (lambda p: save(p.with_suffix(""), edit=cut), "truncated"),
    "NaN": (lambda p: save(p, with_voxel(np.nan)), "NaN or infinity in 1 voxels"),
    "infinity": (lambda p: save(p, with_voxel(-np.inf)), "NaN or infinity in 1 voxels"),
    "too large for float32": (lambda p: save(p, with_voxel(1.0).astype(float) * 1e306), "NaN or infinity"),
    "all zero": (lambda p: save(p, np.zeros(SHAPE, np.int16)), "zero in every voxel"),
    "constant": (lambda p: save(p, np.full(SHAPE, 7, np.uint8)), "7 in every voxel"),
    "RGB": (lambda p: save(p, RGB), "RGB voxels"),
    "complex": (lambda p: save(p, DATA.astype(np.complex64)), "complex voxels"),
    "2-D": (lambda p: save(p, DATA[:, :, 0]), "a 2-D image"),
    "5-D": (lambda p: save(p, DATA[..., None, None].repeat(3, 4)), "a 5-D image"),
    "series": (lambda p: save(p, DATA[..., None].repeat(20, 3)), "a series of 20 volumes"),
    "thin": (lambda p: save(p, DATA[:, :7]), "shape (9, 7, 11)"),
    "no voxels": (lambda p: save(p, edit=put(42, 0, "<i2")), "shape (0, 10, 11)"),
    "enormous": (lambda p: save(p, edit=put(42, [32767, 32767, 32767], "<i2")), "32767"),
    "zero voxel size": (lambda p: save(p, edit=put(84, 0, "<f4")), "voxel sizes [2.0, 0.0, 4.0]"),
    "negative voxel size": (lambda p: save(p, edit=put(80, -2, "<f4")), "voxel sizes [-2.0"),
    "NaN voxel size": (lambda p: save(p, edit=put(80, np.nan, "<f4")), "voxel sizes [nan"),
    "mm called metres": (lambda p: save(p, edit=put(123, 1, "u1")), "voxels of 2000 x 3000 x 4000 mm"),
    "mm called microns": (lambda p: save(p, edit=put(123, 3, "u1")), "voxels of 0.002 x 0.003 x 0.004 mm"),
    "unknown unit": (lambda p: save(p, edit=put(123, 5, "u1")), "the unknown code 5 for the unit of length"),
    "other voxel size than the sform's": (
        lambda p: save(p, edit=put(80, [1, 1, 1], "<f4")),
        "voxel sizes 1 x 1 x 1 mm beside a sform of 2 x 3 x 4 mm",
    ),
    "qform the mirror image": (lambda p: save(p, edit=put(76, 1, "<f4")), "a qform that is the mirror image"),
    "qform turned": (
        lambda p: save(p, affine=tilted(), edit=put(256, [0.7, 0, 0], "<f4")),
        "a qform turned by 74 degrees",
    ),
    "shape too small": (lambda p: save(p, edit=put(42, 8, "<i2")), "440 bytes behind the voxels of its shape (8, 10"),
    "singular affine": (lambda p: save(p, edit=put(280, [0, 0, 0, 0], "<f4")), "a singular or non-finite affine"),
    "parallel axes": (
        lambda p: save(p, edit=put(280, [-2, -2, 0, 0, 3, 3, 0, 0, 0, 0, 4, 0], "<f4")),
        "a singular or non-finite affine",
    ),
    "NaN in affine": (lambda p: save(p, edit=put(280, np.nan, "<f4")), "a singular or non-finite affine"),
    "no rotation in qform": (lambda p: save(p, sform=0, edit=put(256, [9, 9, 9], "<f4")), "cannot be used"),
    "unknown data type": (lambda p: save(p, edit=put(70, 77, "<i2")), "cannot be used"),
    "infinite scaling": (lambda p: save(p, edit=put(112, [1, np.inf], "<f4")), "cannot be used"),
    "data offset not a number": (lambda p: save(p, edit=put(108, np.nan, "<f4")), "cannot be used"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_scan_is_refused_in_one_line_that_names_it(kind, tmp_path, caplog, capfd):
    make, found = BAD[kind]
    path = make(tmp_path / "scan.nii.gz")
    with pytest.raises(ImageError) as caught:
        read_volume(path)
    text = str(caught.value)
    assert found in text
    assert text.startswith(f"{path}: found ")
    assert "; needed " in text
    assert "\n" not in text
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []  # nibabel's own comments stay silent


def test_what_nibabel_mends_is_read_in_silence(tmp_path, caplog, capfd):
    path = save(tmp_path / "scan.nii", edit=put(252, 6090, "<i2"))  # an unknown qform code
    assert read_volume(path).qform_code == 0
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_scaling_big_endian_and_integers_are_read_as_the_numbers_meant(tmp_path):
    stored = np.arange(990, dtype=">i2").reshape(SHAPE)
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    image = nib.Nifti1Image(stored, LAS, header)
    image.header.set_slope_inter(0.5, -7)
    content = bytearray(image.to_bytes())
    put(112, [0.5, -7], ">f4")(content)
    path = tmp_path / "scan.nii"
    path.write_bytes(content)
    volume = read_volume(path)
    assert volume.data.dtype == np.float32
    start = int(np.frombuffer(content, ">f4", 1, 108)[0])
    np.testing.assert_array_equal(
        volume.data, np.frombuffer(content[start:], ">i2").reshape(SHAPE, order="F") * 0.5 - 7
    )
    np.testing.assert_array_equal(volume.affine, LAS)


def test_4d_with_one_volume_and_nifti2_are_scans(tmp_path):
    four = read_volume(save(tmp_path / "four.nii", DATA[..., None]))
    np.testing.assert_array_equal(four.data, DATA)
    nib.Nifti2Image(DATA, LAS).to_filename(tmp_path / "two.nii.gz")
    two = read_volume(tmp_path / "two.nii.gz")
    np.testing.assert_array_equal(two.data, DATA)
    write_volume(two, tmp_path / "copy.nii.gz")
    np.testing.assert_array_equal(nib.load(tmp_path / "copy.nii.gz").affine, LAS)


def test_content_decides_about_gzip_and_the_name_does_not(tmp_path):
    zipped = save(tmp_path / "scan.nii.gz")
    zipped.rename(tmp_path / "scan.nii")
    np.testing.assert_array_equal(read_volume(tmp_path / "scan.nii").data, DATA)


def test_scan_without_qform_and_sform_is_read_with_a_warning_and_written_alike(tmp_path):
    path = save(tmp_path / "scan.nii", qform=0, sform=0)
    volume = read_volume(path)
    assert len(volume.warnings) == 1
    assert "neither qform nor sform" in volume.warnings[0]
    write_volume(volume, tmp_path / "copy.nii")
    assert read_volume(tmp_path / "copy.nii").warnings == volume.warnings
    np.testing.assert_array_equal(nib.load(tmp_path / "copy.nii").affine, nib.load(path).affine)
    assert read_volume(save(tmp_path / "coded.nii")).warnings == ()


@pytest.mark.parametrize(("qform", "sform"), [(1, 1), (1, 0), (0, 2), (4, 4), (1, 4), (0, 0)])
def test_shape_affines_codes_and_units_return_identically(qform, sform, tmp_path):
    def different_qform(content):
        put(268, [11.5, -3.25, 8.125], "<f4")(content)  # the scanner's qform beside a template's sform

    path = save(tmp_path / "scan.nii.gz", affine=tilted(), qform=qform, sform=sform, edit=different_qform)
    scan = read_volume(path)
    write_volume(scan.like(scan.data > 100), tmp_path / "sub" / "mask.nii.gz")
    old, new = nib.load(path).header, nib.load(tmp_path / "sub" / "mask.nii.gz").header
    for field in (
        *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
        *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z", "dim"),
    ):
        np.testing.assert_array_equal(old[field], new[field], err_msg=field)
    assert new.get_xyzt_units() == ("mm", "sec")
    assert new.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(nib.load(tmp_path / "sub" / "mask.nii.gz").get_fdata(), DATA > 100)


def test_nothing_of_the_old_header_but_geometry_is_copied(tmp_path):
    path = save(tmp_path / "scan.nii", edit=put(148, list(b"Jane Doe 1970-01-01"), "u1"))
    assert b"Jane" in path.read_bytes()
    write_volume(read_volume(path), tmp_path / "copy.nii")
    assert b"Jane" not in (tmp_path / "copy.nii").read_bytes()


def test_floats_are_written_as_float32_and_integers_refused(tmp_path):
    volume = Volume(DATA.astype(np.float64), LAS)
    write_volume(volume, tmp_path / "a.nii.gz")
    assert nib.load(tmp_path / "a.nii.gz").get_data_dtype() == np.float32
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").data, DATA)
    with pytest.raises(ValueError, match="int16"):
        write_volume(volume.like(DATA.astype(np.int16)), tmp_path / "b.nii")
    with pytest.raises(ValueError, match="NaN"):
        write_volume(volume.like(with_voxel(np.nan)), tmp_path / "b.nii")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]


def test_made_volume_without_codes_keeps_its_affine(tmp_path):
    write_volume(Volume(DATA, tilted(), qform_code=0, sform_code=0), tmp_path / "a.nii")
    header = nib.load(tmp_path / "a.nii").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (0, 1)
    np.testing.assert_allclose(read_volume(tmp_path / "a.nii").affine, tilted(), atol=1e-6)
    assert header.get_xyzt_units()[0] == "mm"


def test_equal_volumes_give_equal_files(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_volume(Volume(DATA, LAS), tmp_path / name)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_full_disk_leaves_the_old_file_and_nothing_half_written(tmp_path, monkeypatch):
    path = tmp_path / "scan.nii.gz"
    write_volume(Volume(DATA, LAS), path)
    before = path.read_bytes()
    write = Path.write_bytes

    def full(self, content):
        write(self, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_volume(Volume(DATA + 1, LAS), path)
    assert [file.name for file in tmp_path.iterdir()] == ["scan.nii.gz"]
    assert path.read_bytes() == before


def test_spacing_and_voxel_volume_follow_from_the_affine():
    volume = Volume(DATA, tilted() @ np.diag([-2.0, 3, 4, 1]))
    assert volume.spacing_mm == pytest.approx((2, 3, 4))
    assert volume.voxel_ml == pytest.approx(0.024)
    assert volume.shape == SHAPE


def test_volume_refuses_other_shapes():
    volume = Volume(DATA, LAS)
    with pytest.raises(ValueError, match="do not fit"):
        volume.like(DATA[1:])
    with pytest.raises(ValueError, match="3-D"):
        Volume(DATA[0], LAS)


def test_like_keeps_geometry_and_source(tmp_path):
    volume = read_volume(save(tmp_path / "scan.nii", qform=2, sform=4))
    other = volume.like(volume.data * 2)
    assert (other.qform_code, other.sform_code, other.source) == (2, 4, tmp_path / "scan.nii")
    np.testing.assert_array_equal(other.affine, volume.affine)


@pytest.mark.parametrize("base", [np.eye(4), tilted()], ids=["straight", "tilted"])
def test_48_storage_orders_of_one_image_have_one_canonical_form(base):
    reference = Volume(DATA, base)
    assert reference.canonical() is reference
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((1, -1), repeat=3):
            stored = DATA.transpose(axes)[:: flips[0], :: flips[1], :: flips[2]]
            voxel = np.zeros((4, 4))
            voxel[3, 3] = 1
            for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
                voxel[old, new] = flip
                voxel[old, 3] = 0 if flip == 1 else SHAPE[old] - 1
            canonical = Volume(stored, base @ voxel).canonical()
            np.testing.assert_array_equal(canonical.data, DATA)
            np.testing.assert_allclose(canonical.affine, base, atol=1e-9)


def test_canonical_form_of_a_read_scan_can_be_written(tmp_path):
    scan = read_volume(save(tmp_path / "scan.nii", affine=LAS))
    write_volume(scan.canonical(), tmp_path / "ras.nii")
    ras = nib.load(tmp_path / "ras.nii")
    assert nib.aff2axcodes(ras.affine) == ("R", "A", "S")
    np.testing.assert_array_equal(
        ras.get_fdata(), nib.as_closest_canonical(nib.load(tmp_path / "scan.nii")).get_fdata()
    )
    assert (int(ras.header["qform_code"]), int(ras.header["sform_code"])) == (1, 1)


def test_canonical_form_does_not_claim_a_qform_that_it_lost(tmp_path):
    moved = save(tmp_path / "scan.nii", qform=1, sform=4, edit=put(268, [90, 80, 70], "<f4"))
    canonical = read_volume(moved).canonical()
    assert (canonical.qform_code, canonical.sform_code) == (0, 4)


def test_mask_takes_the_geometry_of_its_scan(tmp_path):
    scan = read_volume(save(tmp_path / "scan.nii", sform=4))
    mask = read_mask(save(tmp_path / "mask.nii.gz", (DATA > 100).astype(np.uint8)), scan, "lesion mask")
    assert mask.data.dtype == np.bool_
    np.testing.assert_array_equal(mask.data, DATA > 100)
    assert mask.sform_code == 4
    assert mask.source == tmp_path / "mask.nii.gz"


def test_mask_may_be_empty_and_rounded(tmp_path):
    scan = read_volume(save(tmp_path / "scan.nii"))
    assert not read_mask(save(tmp_path / "none.nii", np.zeros(SHAPE, np.uint8)), scan, "lesion mask").data.any()
    nearly = np.where(DATA > 100, 1.00001, 0).astype(np.float32)
    np.testing.assert_array_equal(read_mask(save(tmp_path / "m.nii", nearly), scan, "brain mask").data, DATA > 100)
    moved = LAS.copy()
    moved[0, 3] += 0.1  # a twentieth of a voxel
    assert read_mask(save(tmp_path / "n.nii", nearly, moved), scan, "brain mask").shape == SHAPE


MOVED = LAS + np.array([[0, 0, 0, 1.0], [0] * 4, [0] * 4, [0] * 4])
TURNED = LAS @ np.diag([-1.0, 1, 1, 1])


@pytest.mark.parametrize(
    ("data", "affine", "found"),
    [
        (np.ones((9, 10, 12), np.uint8), LAS, "a lesion mask of shape (9, 10, 12)"),
        (np.ones(SHAPE, np.uint8), MOVED, "affine lies up to 1 mm away"),
        (np.ones(SHAPE, np.uint8), TURNED, "affine lies up to 36 mm away"),
        (np.arange(990, dtype=np.int16).reshape(SHAPE) % 4, LAS, "values 2, 3"),
        (np.where(DATA > 100, 255, 0).astype(np.uint8), LAS, "values 255"),
        (np.where(DATA > 100, np.nan, 0), LAS, "NaN"),
    ],
    ids=["shape", "moved", "mirrored", "labels", "255", "NaN"],
)
def test_mask_that_does_not_fit_is_refused(data, affine, found, tmp_path):
    scan = read_volume(save(tmp_path / "scan.nii"))
    with pytest.raises(ImageError) as caught:
        read_mask(save(tmp_path / "mask.nii", data, affine), scan, "lesion mask")
    assert found in str(caught.value)
    assert str(tmp_path / "mask.nii") in str(caught.value)
