"""The addresses under /api: upload a scan, ask how far it is, fetch what was found, delete it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from pseudohealthy import __version__
from pseudohealthy.serve.answers import About, Refused, Scan, refusals
from pseudohealthy.serve.guard import CASE_PAGE
from pseudohealthy.serve.jobs import Job, Jobs, Work
from pseudohealthy.serve.limits import Limits
from pseudohealthy.serve.upload import take

_TYPES = {"page": "text/html; charset=utf-8", "report": "application/json"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/gzip": {}, "application/json": {}, "text/html": {}}, "description": "The file"}
}
Name = Annotated[str, Query(min_length=1, max_length=200, description="What the scan is called.")]
Choice = Annotated[
    str | None,
    Query(pattern=r"^(healthy|lesion|0|0?\.[0-9]{1,400})$", description="A stored policy, or a number in [0, 1)."),
]


@dataclass(frozen=True)
class Service:
    """What a server is started with.

    Attributes:
        work: Scores a scan.
        model: Row of the model.
        thresholds: Policies that are stored in it.
        policy: The threshold that is used unless a request names one.
        folder: For the files of all scans; empty.
        host: The name that the user chose.
        limits: How much, how many, how long.
    """

    work: Work
    model: str
    thresholds: list[str]
    policy: str
    folder: Path
    host: str = "127.0.0.1"
    limits: Limits = field(default_factory=Limits)


def routes(service: Service, jobs: Jobs) -> APIRouter:
    """The addresses, over a queue."""
    router = APIRouter(prefix="/api")

    @router.get("/about", responses=refusals())
    async def about() -> About:
        """What this server scores with, and what it takes."""
        return About(__version__, service.model, service.thresholds, service.policy, service.limits.upload_bytes)

    @router.post(
        "/scans", status_code=202, responses=refusals(400, 408, 413, 422, 429), openapi_extra=_BODY, name="upload"
    )
    async def upload(request: Request, name: Name, threshold: Choice = None) -> Scan:
        """Upload a scan: NIfTI (.nii, .nii.gz), or a zip file with one NIfTI file or the DICOM files of a scan."""
        chosen = threshold or service.policy
        if chosen in ("healthy", "lesion") and chosen not in service.thresholds:
            stored = ", ".join(service.thresholds) or "none"
            needed = "a stored policy or a number"
            raise Refused(400, f"no '{chosen}' threshold (stored: {stored})", needed, "Give a number, such as 0.4.")
        return Scan.of(await take(request, name, chosen, jobs, service.limits), jobs)

    @router.get("/scans/{identifier}", responses=refusals(404, 422))
    async def state(identifier: str) -> Scan:
        """How far a scan is."""
        return Scan.of(_known(jobs, identifier), jobs)

    @router.delete("/scans/{identifier}", status_code=204, responses=refusals(404, 422))
    async def forget(identifier: str) -> Response:
        """Delete a scan's files and result."""
        await asyncio.to_thread(jobs.remove, _known(jobs, identifier))
        return Response(status_code=204)

    @router.get("/scans/{identifier}/{file}", response_class=FileResponse, responses=_FILES | refusals(404, 409, 422))
    async def fetch(identifier: str, file: Literal["page", "mask", "score", "report"]) -> FileResponse:
        """The page, the mask or the score on the scan's own grid (NIfTI), or the numbers (JSON)."""
        job = _known(jobs, identifier)
        if job.state != "done":
            raise Refused(409, f"a scan that is {job.state}", "one that is done", "Ask for its state first.")
        path, shown = job.files[file], file == "page"
        return FileResponse(
            path,
            media_type=_TYPES.get(file, "application/gzip"),
            filename=path.name,
            content_disposition_type="inline" if shown else "attachment",
            headers={"Content-Security-Policy": CASE_PAGE} if shown else {},
        )

    return router


def _known(jobs: Jobs, identifier: str) -> Job:
    job = jobs.get(identifier)
    if job is None:
        raise Refused(404, "no such scan", "one that was uploaded in the last hour", "Upload it again.")
    return job
