"""The server finds what the command line finds, byte for byte."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from conftest import make_brain
from made_dicom import LPS, write_series
from pseudohealthy.cli import main
from pseudohealthy.serve.score import Scorer
from running_server import Running, run


@pytest.fixture(scope="module")
def server(fitted, tmp_path_factory) -> Iterator[Running]:
    with run(Scorer(fitted.load()), tmp_path_factory.mktemp("server") / "files") as running:
        yield running


def compare(server: Running, upload: bytes, name: str, out: Path) -> None:
    """Compare with the outputs of `predict` in a folder."""
    scan = server.ended(server.post(upload, name=name).json())
    assert scan["state"] == "done", scan["problem"]
    assert scan["files"] == ["page", "mask", "score", "report"]
    for file, ending in (("mask", "_mask.nii.gz"), ("score", "_probseg.nii.gz")):
        (expected,) = out.rglob(f"*space-orig_label-L{ending}")
        got = server.get(f"/api/scans/{scan['id']}/{file}")
        assert got.content == expected.read_bytes()
        assert got.headers["Content-Disposition"] == f'attachment; filename="{expected.name}"'
    (expected,) = out.rglob("*_report.json")
    numbers = [json.loads(text) for text in (expected.read_text(), server.get(f"/api/scans/{scan['id']}/report").text)]
    assert "made_from" in numbers[0]  # for --resume, which the server does not have
    for one in numbers:
        del one["timings_s"]
        one.pop("made_from", None)
    assert numbers[0] == numbers[1]
    page = server.get(f"/api/scans/{scan['id']}/page")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert 'id="viewer"' in page.text
    # The scan itself is gone as soon as it is scored.
    assert {Path(file).parts[1] for file in server.left()} == {"out"}
    assert "/" not in {file["found"] for file in [scan["problem"] or {"found": ""}]}


def test_nifti(server, fitted, tmp_path):
    source = fitted.cohort.split("test")[0].image
    scan = tmp_path / "sub-77_T1w.nii.gz"
    shutil.copyfile(source, scan)
    assert main(["predict", str(fitted.model), str(scan), "--out", str(tmp_path / "out")]) == 0
    compare(server, scan.read_bytes(), scan.name, tmp_path / "out")
    plain = gzip.decompress(scan.read_bytes())
    compare(server, plain, "sub-77_T1w.nii", tmp_path / "out")


def test_dicom_in_a_zip(server, fitted, tmp_path):
    write_series(tmp_path / "dicom", make_brain(LPS * 5.0))
    assert main(["predict", str(fitted.model), str(tmp_path / "dicom"), "--out", str(tmp_path / "out")]) == 0
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((tmp_path / "dicom").iterdir()):
            archive.write(file, f"A patient's name/{file.name}")
    compare(server, packed.getvalue(), "series.zip", tmp_path / "out")


def test_a_whole_head_and_a_folder_without_scans_are_told(server, fitted):
    case = nib.load(fitted.cohort[0].image)
    head = nib.Nifti1Image((np.asarray(case.dataobj) + 1).astype(np.float32), case.affine)
    scan = server.ended(server.post(gzip.compress(head.to_bytes()), name="head.nii.gz").json())
    assert "probably a whole head" in scan["problem"]["found"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("letter.txt", "Dear Sir or Madam")
    scan = server.ended(server.post(packed.getvalue(), name="letter.zip").json())
    assert "no scan" in scan["problem"]["found"]
    assert str(server.folder) not in str(scan)


def test_a_real_patient(server, fitted, shared_data, tmp_path):
    source = shared_data / "mslub" / "sub-patient26" / "anat" / "sub-patient26_space-MNI152_desc-brain_T1w.nii.gz"
    if not source.is_file():
        pytest.skip(f"no {source}")
    assert main(["predict", str(fitted.model), str(source), "--out", str(tmp_path / "out")]) == 0
    compare(server, source.read_bytes(), source.name, tmp_path / "out")
