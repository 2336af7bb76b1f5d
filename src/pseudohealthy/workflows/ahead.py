"""Work on a row of items, in a thread that is one item ahead of whoever takes the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Iterator[Result]]:
    """Yields `work` of each item, in their order: the next one is worked on while the caller looks at the last.

    Items are taken in the caller's own thread, so that one such row may feed another, with what the caller itself does
    to an item between them. The next item is begun only when the result before it is there: no queue grows.

    An error of the work, or of where items come from, reaches the caller in its turn, after the results before it.
    Whatever ends the block, work that has begun is ended, none is begun any more, and no thread is left.
    """
    thread = ThreadPoolExecutor(1)
    try:
        yield _results(thread, work, items)
    finally:
        thread.shutdown(wait=True, cancel_futures=True)


@contextmanager
def in_turn(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Iterator[Result]]:
    """The same without a thread: an item is worked on when its result is asked for."""
    yield map(work, items)


def _results(thread: Executor, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    running: list[Future[Result]] = []  # one, but for the first item
    try:
        for item in items:
            done = [each.result() for each in running]  # before the next is begun: after an error nothing is
            running = [thread.submit(work, item)]
            del item  # the thread's alone: what it has worked on is not kept until the next one comes
            yield from done
    except Exception:
        yield from [each.result() for each in running]
        raise
    yield from [each.result() for each in running]
