"""What the server answers: as dataclasses, of which the OpenAPI description is made."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from pseudohealthy.errors import InputError
from pseudohealthy.serve.jobs import Job, Jobs


class Refused(Exception):
    """A request that is not answered as wished.

    Args:
        status: HTTP status.
        found: What is wrong with it.
        needed: What would be right.
        fix: What the user can do.
    """

    def __init__(self, status: int, found: str, needed: str, fix: str) -> None:
        self.status, self.problem = status, Problem(found, needed, fix)
        super().__init__(found)


@dataclass(frozen=True)
class Problem:
    """Why something is refused or failed: what was found, what is needed, what to do."""

    found: str
    needed: str
    fix: str

    @classmethod
    def of(cls, error: InputError) -> Problem:
        """Without its subject, which is a path on the server."""
        return cls(error.found, error.needed, error.fix)


@dataclass(frozen=True)
class Scan:
    """A scan on its way, or its result.

    Attributes:
        id: For further requests; whoever knows it may see the result.
        name: As uploaded.
        state: `uploading`, `waiting`, `running`, `done`, `failed`.
        step: What is done at the moment.
        before: Scans that come first.
        seconds: How long it has been worked on.
        files: What can be fetched: `page`, `mask`, `score`, `report`.
        problem: Why it failed.
    """

    id: str
    name: str
    state: Literal["uploading", "waiting", "running", "done", "failed"]
    step: str
    before: int
    seconds: float
    files: list[str]
    problem: Problem | None

    @classmethod
    def of(cls, job: Job, jobs: Jobs) -> Scan:
        """How far a job is."""
        seconds = round((job.ended or time.monotonic()) - job.began, 1) if job.began else 0.0
        files = list(job.files) if job.state == "done" else []
        problem = None if job.error is None else Problem.of(job.error)
        return cls(job.id, job.name, job.state, job.step, jobs.before(job), seconds, files, problem)


@dataclass(frozen=True)
class About:
    """What this server scores with, and what it takes."""

    version: str
    model: str
    thresholds: list[str]
    policy: str
    upload_bytes: int


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The part of the OpenAPI description that says how a request may be refused."""
    return {status: {"model": Problem, "description": REASONS[status]} for status in (403, *statuses)}


REASONS = {
    400: "It cannot be used",
    403: "Another host's name, or another site's page",
    404: "No such scan",
    408: "It did not arrive in time",
    409: "Not done yet, or failed",
    413: "Too large",
    422: "Not as described",
    429: "Too many scans are waiting",
}
