"""How far long work is: a bar with an estimate of the end on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

LINE_EVERY_S = 30.0


class Teller(Protocol):
    """Who is told: a run folder, or a command without one."""

    @property
    def interactive(self) -> bool:
        """Whether a person watches on a terminal."""

    def log(self, message: str) -> None:
        """Tell a line."""


@contextmanager
def progress(run: Teller, what: str, total: int) -> Iterator[Callable[[], None]]:
    """Yields a function to call after each of `total` items.

    Args:
        run: Knows whether a person watches, and keeps the lines.
        what: What is done, such as `evaluate`.
        total: How many items.
    """
    if run.interactive:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)
        return
    begun = told = time.monotonic()
    done = 0

    def advance() -> None:
        nonlocal done, told
        done += 1
        now = time.monotonic()
        if now - told >= LINE_EVERY_S and done < total:
            told = now
            run.log(f"{what}: {done}/{total}, {(now - begun) / done * (total - done) / 60:.1f} min left")

    yield advance
