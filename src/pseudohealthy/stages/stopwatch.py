"""Minutes of a training, over all the sessions that it took."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pseudohealthy.io.files import write_json

FILE = "minutes.json"


@contextmanager
def timed(folder: Path) -> Iterator[None]:
    """Add the minutes of a block to those in `folder/minutes.json`; an interrupted block counts too.

    A session that could not write its minutes (killed without a signal that it could answer) makes the sum unknown,
    and so does one from before there was this file.
    """
    before = minutes_of(folder) if (folder / FILE).is_file() else None if any(folder.glob("*.csv")) else 0.0
    write_json(folder / FILE, {"minutes": None})
    begun = time.monotonic()
    try:
        yield
    finally:
        passed = (time.monotonic() - begun) / 60
        write_json(folder / FILE, {"minutes": None if before is None else before + passed})


def minutes_of(folder: Path) -> float | None:
    """Minutes of a folder's training; None where they are not known."""
    path = folder / FILE
    minutes = json.loads(path.read_text(encoding="utf-8"))["minutes"] if path.is_file() else None
    return None if minutes is None else float(minutes)
