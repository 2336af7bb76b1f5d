"""Scans that wait, one that is worked on, and results that are kept for a while. One worker; nothing outlives it."""

from __future__ import annotations

import logging
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pseudohealthy.errors import InputError
from pseudohealthy.serve.limits import Limits

State = Literal["uploading", "waiting", "running", "done", "failed"]
_SWEEP_S = 20.0


class Stopped(Exception):
    """The work on a scan is given up: it was deleted, took too long, or the server ends."""


@dataclass(eq=False)
class Job:
    """One scan on its way.

    Attributes:
        id: Not to be guessed: whoever knows it may see the result.
        folder: Its files; deleted with it.
        name: What the user calls the scan.
        threshold: A policy or a number.
        state: Where it is.
        step: What is done at the moment.
        error: Why it failed.
        scan: What is to be predicted.
        files: `mask`, `score`, `page`, `report`: what there is in the end.
        began: Monotonic seconds when the work began.
        ended: Monotonic seconds when it ended.
        stopped: The work is to be given up.
    """

    id: str
    folder: Path
    name: str
    threshold: str
    state: State = "uploading"
    step: str = ""
    error: InputError | None = None
    scan: Path | None = None
    files: dict[str, Path] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    stopped: bool = False


Work = Callable[[Job, Callable[[str], None]], None]
"""Does a job and tells its steps; the teller raises `Stopped` where the work is to be given up."""


class Jobs:
    """A queue with a cap and one worker thread.

    Args:
        work: What is done with a job.
        folder: Of all jobs; each has its own in it.
        limits: How many, how long.
    """

    def __init__(self, work: Work, folder: Path, limits: Limits) -> None:
        self._work, self._folder, self._limits = work, folder, limits
        self._jobs: dict[str, Job] = {}
        self._lock = threading.RLock()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._run, name="predict", daemon=True)
        self._worker.start()

    def reserve(self, name: str, threshold: str) -> Job | None:
        """A place for an upload with an empty folder, or None where there is no place left."""
        with self._lock:
            if (
                sum(job.state in ("uploading", "waiting", "running") for job in self._jobs.values())
                >= self._limits.jobs
            ):
                return None
            job = Job(secrets.token_urlsafe(16), self._folder / secrets.token_hex(8), name, threshold)
            job.folder.mkdir(mode=0o700)
            self._jobs[job.id] = job
            return job

    def submit(self, job: Job, scan: Path) -> None:
        """Put an uploaded scan into the queue."""
        with self._lock:
            job.scan, job.state = scan, "waiting"
        self._queue.put(job)

    def get(self, identifier: str) -> Job | None:
        """The job of this name."""
        with self._lock:
            return self._jobs.get(identifier)

    def before(self, job: Job) -> int:
        """How many scans come first."""
        with self._lock:
            places = [one for one in self._jobs.values() if one.state in ("waiting", "running")]
            return places.index(job) if job in places else 0

    def remove(self, job: Job) -> None:
        """Forget a job and delete its files; a running one at its next step."""
        with self._lock:
            job.stopped = True
            self._jobs.pop(job.id, None)
            if job.state != "running":
                shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Give up everything."""
        with self._lock:
            for job in list(self._jobs.values()):
                self.remove(job)
        self._queue.put(None)
        self._worker.join(timeout=30)

    def _run(self) -> None:
        while True:
            try:
                job = self._queue.get(timeout=_SWEEP_S)
            except queue.Empty:
                self._sweep()
                continue
            if job is None:
                return
            if not job.stopped:
                self._do(job)
            self._sweep()

    def _do(self, job: Job) -> None:
        job.began, job.state = time.monotonic(), "running"

        def tell(step: str) -> None:
            if job.stopped:
                raise Stopped
            if time.monotonic() - job.began > self._limits.job_s:
                raise InputError(
                    job.name,
                    found=f"that the work took longer than {self._limits.job_s:.0f} s",
                    needed="a scan that this computer can score in that time",
                    fix="Try it on the command line, which waits as long as it takes.",
                )
            job.step = step

        try:
            self._work(job, tell)
            tell("")
            state: State = "done"
        except Stopped:
            state = "failed"
        except InputError as error:
            job.error, state = error, "failed"
        except Exception:
            logging.getLogger("pseudohealthy").exception("a scan could not be scored")
            job.error, state = _bug(job.name), "failed"
        with self._lock:
            job.ended, job.state = time.monotonic(), state
            if job.stopped or state == "failed":
                shutil.rmtree(job.folder, ignore_errors=True)

    def _sweep(self) -> None:
        with self._lock:
            ended = sorted((job for job in self._jobs.values() if job.ended), key=lambda job: job.ended)
            old = [job for job in ended if time.monotonic() - job.ended > self._limits.kept_s]
            for job in {*old, *ended[: max(len(ended) - self._limits.kept, 0)]}:
                self.remove(job)


def _bug(name: str) -> InputError:
    return InputError(
        name,
        found="an error in this program",
        needed="a report of it",
        fix="The terminal in which the server runs shows what happened.",
    )
