"""The server of `running_server`, with a worker of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pseudohealthy.serve.jobs import Work
from pseudohealthy.serve.limits import Limits
from running_server import Running, run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """`start(work, limits=..., host=...)` runs a server until the test ends."""
    with ExitStack() as stack:

        def begin(work: Work = lambda job, tell: None, limits: Limits | None = None, **settings: Any) -> Running:
            chosen = {"limits": limits or Limits(), **settings}
            return stack.enter_context(run(work, tmp_path / "server", **chosen))

        yield begin
