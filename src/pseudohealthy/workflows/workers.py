"""Processes that work on one case each, alike whatever their number: one thread, a fresh interpreter."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TypeVar

from pseudohealthy.errors import ConfigError, ImageError

Task = TypeVar("Task")
Result = TypeVar("Result")

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


def each(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Result | Exception]]:
    """Do the tasks in `jobs` processes and yield each with its result, or its error, as it ends.

    Args:
        work: A function that can be imported; its task and result can be pickled.
        tasks: What to do.
        jobs: Processes at a time; one, too, is a process of its own, so that results are the same bytes.

    Raises:
        ConfigError: `jobs` is below 1.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs {jobs}", found="no process", needed="1 or more", fix="For example: --jobs 2")
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ |= dict.fromkeys(_THREADS, "1")  # libraries read it when they are loaded, in the new process
    try:
        # Not with max_tasks_per_child: it hangs when the processes of Python 3.11 have had their share.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(jobs, max(len(tasks), 1)), context, _end_with_parent) as pool:
            task_of = {pool.submit(work, task): task for task in tasks}
            try:
                for future in as_completed(task_of):
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        error = _killed(task_of[future])
                    if error is not None and not isinstance(error, Exception):
                        raise error
                    yield task_of[future], error or future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _killed(task: object) -> ImageError:
    return ImageError(
        getattr(task, "name", "a case"),
        found="that a process was killed, probably for want of memory",
        needed="about 2 GB for each job",
        fix="Run again with --resume and fewer --jobs.",
    )


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
