"""What nobody should send is refused with a sentence, and nothing of it stays."""

from __future__ import annotations

import gzip
import http.client
import io
import stat
import struct
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import nibabel as nib
import numpy as np
import pytest
import requests

from pseudohealthy.io.volume import read_volume
from pseudohealthy.serve.jobs import Job
from pseudohealthy.serve.limits import Limits

SCAN = nib.Nifti1Image(np.arange(4096, dtype=np.int16).reshape(16, 16, 16), np.eye(4)).to_bytes()
SMALL = Limits(upload_bytes=200_000, unpacked_bytes=400_000, unpacked_files=50)


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("scan.nii")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def damaged(kind: int) -> bytes:
    """A zip file of a damaged member, packed in one of the kinds that no one uses."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", kind) as archive:
        archive.writestr("a.nii", SCAN)
    content = bytearray(packed.getvalue())
    content[80:400] = b"\x55" * 320
    return bytes(content)


def lying() -> bytes:
    """A zip file whose directory says that 900 000 bytes are 10."""
    content = bytearray(zipped(("a.dcm", b"\0" * 900_000)))
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, 10)
    struct.pack_into("<I", content, 22, 10)
    return bytes(content)


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "nothing": ("scan.nii", b"", "an empty file"),
    "a text": ("scan.nii", b"Dear Sir or Madam", "neither a NIfTI nor a zip file"),
    "truncated gzip": ("scan.nii.gz", gzip.compress(SCAN)[:-30], "truncated gzip"),
    "gzip bomb": ("scan.nii.gz", gzip.compress(SCAN + b"\0" * 30_000_000), "when unpacked"),
    "zip bomb": ("scan.zip", zipped(("a.dcm", b"\0" * 30_000_000)), "when unpacked"),
    "gzip bomb in a zip": ("scan.zip", zipped(("a.nii.gz", gzip.compress(b"\0" * 30_000_000))), "when unpacked"),
    "a zip that lies": ("scan.zip", lying(), "zip file"),
    "half a zip": ("scan.zip", zipped(("a.nii", SCAN))[:-40], "a damaged zip file"),
    "dots in a zip": ("scan.zip", zipped(("../../evil.nii", SCAN)), "a name that leads out of it"),
    "dots the other way": ("scan.zip", zipped(("..\\evil.nii", SCAN)), "a name that leads out of it"),
    "a root in a zip": ("scan.zip", zipped(("/etc/evil.nii", SCAN)), "a name that leads out of it"),
    "a link in a zip": ("scan.zip", zipped((link(), b"/etc/passwd")), "a link in a zip file"),
    "two scans": ("scan.zip", zipped(("a.nii", SCAN), ("b.nii", SCAN)), "2 NIfTI files"),
    "damaged bzip2": ("scan.zip", damaged(zipfile.ZIP_BZIP2), "a damaged zip file"),
    "damaged lzma": ("scan.zip", damaged(zipfile.ZIP_LZMA), "a damaged zip file"),
    "many files": ("scan.zip", zipped(*((f"{n}.dcm", b"") for n in range(60))), "60 files"),
    "dots in the name": ("../../scan.nii", SCAN, "a path in it"),
    "a root in the name": ("\\\\host\\scan.nii", SCAN, "a path in it"),
    "too large": ("scan.nii", SCAN + b"\0" * 300_000, "too large"),
}


def test_bad_uploads_are_refused_with_a_sentence_and_leave_nothing(start):
    server = start(limits=SMALL)
    for kind, (name, content, said) in REFUSED.items():
        answer = server.post(content, name=name)
        assert answer.status_code in (400, 413), kind
        problem = answer.json()
        assert said in problem["found"], kind
        assert set(problem) == {"found", "needed", "fix"}
        assert str(server.folder) not in answer.text
        assert list(server.folder.iterdir()) == [], kind
    streamed = server.post(b"\0" * 50_000 for _ in range(9))  # without a length
    assert streamed.status_code == 413
    assert list(server.folder.iterdir()) == []


def test_what_only_reading_shows_is_told_by_the_scan_s_state(start):
    def read(job: Job, tell: Callable[[str], None]) -> None:
        read_volume(job.scan)

    server = start(read)
    large = bytearray(SCAN)
    struct.pack_into("<8h", large, 40, 3, 1000, 1000, 800, 1, 1, 1, 1)  # 1.6 GB of voxels, in a header of 348 bytes
    scan = server.ended(server.post(bytes(large), name="large.nii").json())
    assert scan["state"] == "failed"
    assert "bytes" in scan["problem"]["found"]
    assert "truncated" in scan["problem"]["fix"]
    assert server.left() == []
    assert server.ended(server.post(zipped(("x/scan.nii", SCAN)), name="x.zip").json())["state"] == "done"


def test_a_bug_is_told_without_its_inside_and_the_next_scan_is_scored(start, caplog):
    seen = []

    def work(job: Job, tell: Callable[[str], None]) -> None:
        seen.append(job.name)
        if len(seen) == 1:
            raise RuntimeError("secret inside")

    server = start(work)
    first, second = (server.post(SCAN, name=name).json() for name in ("a.nii", "b.nii"))
    answer = server.ended(first)
    assert "an error in this program" in answer["problem"]["found"]
    assert "secret inside" not in str(answer)
    assert "secret inside" in caplog.text
    assert server.ended(second)["state"] == "done"


def test_of_twenty_at_once_those_beyond_the_cap_are_told_to_come_again(start):
    gate, begun = threading.Event(), []

    def wait(job: Job, tell: Callable[[str], None]) -> None:
        begun.append(job.name)
        tell("waiting for the test")
        gate.wait(60)

    server = start(wait, limits=Limits(jobs=8))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: server.post(SCAN, name=f"{n}.nii"), range(20)))
    taken = [answer.json() for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(taken), len(refused)) == (8, 12)
    assert all(answer.headers["Retry-After"] for answer in refused)
    assert len(begun) <= 1  # one at a time
    waiting = [server.get(f"/api/scans/{scan['id']}").json() for scan in taken]
    assert sorted(scan["before"] for scan in waiting) == list(range(8))
    # One that waits is deleted, and never begun.
    last = max(waiting, key=lambda scan: scan["before"])
    assert requests.delete(f"{server.address}/api/scans/{last['id']}", timeout=30).status_code == 204
    assert server.get(f"/api/scans/{last['id']}").status_code == 404
    gate.set()
    for scan in taken:
        if scan["id"] != last["id"]:
            assert server.ended(scan)["state"] == "done"
    assert len(begun) == 7


def test_slow_work_and_slow_uploads_are_given_up(start):
    def work(job: Job, tell: Callable[[str], None]) -> None:
        threading.Event().wait(0.3)
        tell("late")

    server = start(work, limits=Limits(job_s=0.1, chunk_s=0.3))
    assert "took longer than" in server.ended(server.post(SCAN).json())["problem"]["found"]
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.putrequest("POST", "/api/scans?name=a.nii")
    connection.putheader("Content-Length", "5000")
    connection.endheaders(b"only this")
    answer = connection.getresponse()
    assert answer.status == 408
    assert b"took too long" in answer.read()
    connection.close()
    assert server.left() == []


def test_results_are_forgotten_after_a_while(start):
    server = start(limits=Limits(kept=2))
    done = [server.ended(server.post(SCAN, name=f"{n}.nii").json()) for n in range(4)]
    server.ended(server.post(SCAN).json())
    states = [server.get(f"/api/scans/{scan['id']}").status_code for scan in done]
    assert states[0] == states[1] == 404
    assert len(list(server.folder.iterdir())) <= 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8501"}, 200),
        ({"Host": "[::1]:8501"}, 200),
        ({"Host": "brains.example:8501"}, 200),  # the name that the server was started with
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
def test_other_sites_and_rebound_names_are_not_served(start, headers, status):
    server = start(host="brains.example")
    answer = requests.get(f"{server.address}/api/about", headers=headers, timeout=30)
    assert answer.status_code == status


def test_every_answer_carries_the_headers_and_the_page_loads_nothing_from_elsewhere(start):
    server = start()
    for path in ("/", "/app.js", "/app.css", "/api/about", "/openapi.json", "/nothing", "/api/scans/x", "/docs"):
        answer = server.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http://" not in answer.text.replace(server.address, "")
        assert "https://" not in answer.text
    assert server.get("/nothing").status_code == server.get("/docs").status_code == 404
    assert server.get("/../../etc/passwd").status_code == 404
    assert server.post(SCAN, threshold="lesion").status_code == 400
    assert server.post(SCAN, threshold="1.5").status_code == 422
    assert server.post(SCAN, threshold="0.4123456789").status_code == 202
    assert server.post(zipped((".", SCAN)), name="scan.zip").status_code == 202  # only its content says what it is
