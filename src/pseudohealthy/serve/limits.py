"""What one server takes upon itself: how much, how many, how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of a server; what is beyond one is refused with a sentence.

    Attributes:
        upload_bytes: Of one upload.
        unpacked_bytes: Of what is packed in it.
        unpacked_files: In a zip file.
        jobs: Uploads, waiting scans and the running one together.
        kept: Finished results that are kept; older ones are deleted.
        kept_s: How long a finished result is kept.
        chunk_s: Longest silence of an upload.
        upload_s: Longest upload.
        job_s: Longest work on a scan; looked at between its steps.
    """

    upload_bytes: int = 256 << 20
    unpacked_bytes: int = 1 << 30
    unpacked_files: int = 4000
    jobs: int = 8
    kept: int = 20
    kept_s: float = 3600.0
    chunk_s: float = 30.0
    upload_s: float = 600.0
    job_s: float = 1800.0
