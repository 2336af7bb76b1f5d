"""Scans, and masks beside a sound scan, that no command can use: each with a word of what has to be said about it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from conftest import make_brain
from pseudohealthy.io.volume import Volume, write_volume

SPACING_MM = (5.0, 5.0, 5.0)
BRAIN = make_brain(SPACING_MM)


def nifti(path: Path, data: np.ndarray, affine: np.ndarray = BRAIN.affine) -> Path:
    nib.Nifti1Image(data, affine).to_filename(path)
    return path


def content(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


def header(path: Path, offset: int, values: object) -> Path:
    """The brain, with other float32 numbers in its header."""
    raw = bytearray(nib.Nifti1Image(BRAIN.data, BRAIN.affine).to_bytes())
    field = np.asarray(values, "<f4").tobytes()
    raw[offset : offset + len(field)] = field
    return content(path, gzip.compress(bytes(raw)))


def with_voxel(value: float) -> np.ndarray:
    data = BRAIN.data.copy()
    data[10, 10, 10] = value
    return data


def with_mask(path: Path, kind: str, mask: np.ndarray, affine: np.ndarray = BRAIN.affine) -> Path:
    nifti(path.with_name(f"{path.name.split('.')[0]}_{kind}_mask.nii.gz"), mask, affine)
    return nifti(path, BRAIN.data)


INSIDE = (BRAIN.data != 0).astype(np.uint8)
SHIFTED = BRAIN.affine + np.array([[0, 0, 0, 4.0], *np.zeros((3, 4))])
COLOURED = np.zeros(BRAIN.shape, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
HEAD = np.where(BRAIN.data != 0, BRAIN.data, 90 + BRAIN.data.std()).astype(np.float32)

BAD_SCANS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing file": (lambda p: p, "no such file"),
    "empty file": (lambda p: content(p, b""), "an empty file"),
    "not NIfTI": (lambda p: content(p, b"a photograph" * 100), "no NIfTI header"),
    "another kind of file": (lambda p: content(p.with_name("scan.png"), b"\x89PNG"), "neither an image nor a table"),
    "truncated gzip": (
        lambda p: content(p, gzip.compress(nib.Nifti1Image(BRAIN.data, BRAIN.affine).to_bytes())[:-200]),
        "a damaged gzip file",
    ),
    "NaN": (lambda p: nifti(p, with_voxel(np.nan)), "NaN or infinity in 1 voxels"),
    "infinity": (lambda p: nifti(p, with_voxel(np.inf)), "NaN or infinity in 1 voxels"),
    "all zero": (lambda p: nifti(p, np.zeros_like(BRAIN.data)), "zero in every voxel"),
    "constant": (lambda p: nifti(p, np.full_like(BRAIN.data, 5)), "5 in every voxel"),
    "a mask in place of the scan": (lambda p: nifti(p, INSIDE), "no contrast inside the brain"),
    "RGB": (lambda p: nifti(p, COLOURED), "RGB voxels"),
    "2-D": (lambda p: nifti(p, BRAIN.data[:, :, 9]), "a 2-D image"),
    "5-D": (lambda p: nifti(p, BRAIN.data[..., None, None].repeat(2, 4)), "a 5-D image"),
    "4-D with many volumes": (lambda p: nifti(p, BRAIN.data[..., None].repeat(3, 3)), "a series of 3 volumes"),
    "singular affine": (lambda p: header(p, 280, [0, 0, 0, 0]), "a singular or non-finite affine"),
    "zero pixdim": (lambda p: header(p, 84, 0), "voxel sizes [5.0, 0.0, 5.0]"),
    "few voxels on an axis": (lambda p: nifti(p, BRAIN.data[:, :, 10:17]), "at least 8 voxels on each axis"),
    "little brain": (lambda p: nifti(p, BRAIN.data, np.diag([2.5, 2.5, 2.5, 1])), "of 202 ml, probably a slab"),
    "whole head": (lambda p: nifti(p, HEAD), "probably a whole head"),
    "brain mask of another shape": (lambda p: with_mask(p, "brain", INSIDE[1:]), "a brain mask of shape"),
    "brain mask with another affine": (lambda p: with_mask(p, "brain", INSIDE, SHIFTED), "lies up to 4 mm away"),
    "lesion mask of another shape": (lambda p: with_mask(p, "lesion", INSIDE[1:]), "a lesion mask of shape"),
    "lesion mask with another affine": (lambda p: with_mask(p, "lesion", INSIDE, SHIFTED), "lies up to 4 mm away"),
    "lesion mask with other values": (lambda p: with_mask(p, "lesion", 2 * INSIDE), "a lesion mask with the values 2"),
}


def write_brain(path: Path, seed: int = 0) -> Path:
    """A sound scan."""
    brain: Volume = make_brain(SPACING_MM, seed=seed)
    write_volume(brain, path)
    return path
