"""A server on a free port of this computer, in a thread of the test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import uvicorn

from pseudohealthy.serve.app import make_app
from pseudohealthy.serve.jobs import Work
from pseudohealthy.serve.routes import Service


@dataclass
class Running:
    """A server that runs.

    Attributes:
        address: Where it is.
        folder: Its files.
    """

    address: str
    folder: Path

    def post(self, content: Any, name: str = "scan.nii.gz", **query: str) -> requests.Response:
        """Upload."""
        return requests.post(f"{self.address}/api/scans", params={"name": name, **query}, data=content, timeout=60)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.address + path, timeout=60)

    def ended(self, scan: dict[str, Any]) -> dict[str, Any]:
        """The scan when it is done or has failed."""
        until = time.monotonic() + 240
        while scan["state"] not in ("done", "failed"):
            assert time.monotonic() < until, scan
            time.sleep(0.05)
            scan = self.get(f"/api/scans/{scan['id']}").json()
        return scan

    def left(self) -> list[str]:
        """Files that lie in its folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@contextmanager
def run(work: Work, folder: Path, **settings: Any) -> Iterator[Running]:
    """Serve until the block ends; then nothing may be left."""
    folder.mkdir(exist_ok=True)
    service = Service(work, "sadm_res", ["healthy"], "healthy", folder, **settings)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(service), log_level="warning", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    running = Running(f"http://127.0.0.1:{listening.getsockname()[1]}", folder)
    try:
        while not server.started:
            time.sleep(0.02)
        yield running
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listening.close()
    assert not thread.is_alive()
    assert list(folder.iterdir()) == []
