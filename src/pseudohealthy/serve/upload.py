"""Takes an upload: not larger, not slower and not longer than agreed, and only where there is a place for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.requests import Request

from pseudohealthy.errors import InputError
from pseudohealthy.serve.answers import Refused
from pseudohealthy.serve.jobs import Job, Jobs
from pseudohealthy.serve.limits import Limits
from pseudohealthy.serve.unpack import unpack


async def take(request: Request, name: str, threshold: str, jobs: Jobs, limits: Limits) -> Job:
    """Receive a scan, unpack it and put it into the queue; nothing of it is left where that fails.

    Raises:
        Refused: The name has a path in it or the scan cannot be used (400), it is too large (413) or too slow (408), or
            there is no place for it (429).
    """
    if any(letter in name for letter in "/\\") or not name.isprintable():
        raise Refused(400, "a file name with a path in it", "a plain name", "Leave the folder out.")
    job = jobs.reserve(name, threshold)
    if job is None:
        raise Refused(429, f"{limits.jobs} scans that are waiting", "a free place", "Try again in a minute.")
    try:
        packed, place = job.folder / "upload", job.folder / "scan"
        place.mkdir()
        await _receive(request, packed, limits)
        jobs.submit(job, await asyncio.to_thread(unpack, packed, name, place, limits))
    except InputError as error:
        jobs.remove(job)
        raise Refused(400, error.found, error.needed, error.fix) from error
    except BaseException:
        jobs.remove(job)
        raise
    return job


async def _receive(request: Request, target: Path, limits: Limits) -> None:
    most = limits.upload_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    received = 0
    stream = aiter(request.stream())
    try:
        async with asyncio.timeout(limits.upload_s):
            with target.open("wb") as file:
                while (chunk := await asyncio.wait_for(anext(stream, None), limits.chunk_s)) is not None:
                    received += len(chunk)
                    if received > most:
                        raise _too_large(most)
                    await asyncio.to_thread(file.write, chunk)
    except TimeoutError as error:
        found = "an upload that stopped or took too long"
        raise Refused(408, found, "the whole file", "Check the connection, and try again.") from error


def _too_large(most: int) -> Refused:
    size = f"{most >> 20} MB" if most >= 1 << 20 else f"{most} bytes"
    fix = "Compress it (.nii.gz), or start the server with another --max-upload-mb."
    return Refused(413, "an upload that is too large", f"at most {size}", fix)
