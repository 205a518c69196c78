"""Threads that read the lines of a page side by side, each with a share of torch's threads.

torch divides every single operation among its threads, and the fastest of them waits for the last
many hundred times a page. If other processes use the cores too, nearly every wait is long. Groups
of lines need no such waits: they meet once, when the page is read.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Barrier, Lock, Thread
from typing import Any, TypeVar

import torch

__all__ = ["map_groups"]

MAX_WORKERS = 4
"""Groups of lines on a full page; more workers would have nothing to do."""

Lines = TypeVar("Lines")
Output = TypeVar("Output")


def map_groups(task: Callable[[Lines], Output], groups: Sequence[Lines]) -> list[Output]:
    """`task` of every group, in their order; in several threads if torch may use several.

    Settings of torch that hold for a thread, such as inference mode, are up to `task`. Raises the
    first error of `task`.
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1 or len(groups) < 2:
        return [task(group) for group in groups]
    with _STARTING:
        workers = _workers(n_threads)
    return workers.map(task, groups)


class _Workers:
    """Threads that use `n_threads` threads of torch in all.

    They are daemons, unlike those of `ThreadPoolExecutor`, so that a memory can still read pages
    while its program ends.
    """

    def __init__(self, n_threads: int) -> None:
        n_workers = min(n_threads, MAX_WORKERS)
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._start = Barrier(n_workers + 1)
        share = n_threads // n_workers
        for _ in range(n_workers):
            Thread(target=self._serve, args=(share,), name="pocket-lines", daemon=True).start()
        self._start.wait()
        # A thread that sets its own number also changes the default of threads that have not used
        # torch yet. All workers have started: put the default back.
        torch.set_num_threads(n_threads)

    def map(self, task: Callable[[Lines], Output], groups: Sequence[Lines]) -> list[Output]:
        answers: list[Future[Output]] = []
        for group in groups:
            answer: Future[Output] = Future()
            self._tasks.put((answer, functools.partial(task, group)))
            answers.append(answer)
        return [answer.result() for answer in answers]

    def _serve(self, n_threads: int) -> None:
        torch.get_num_threads()  # its first call in a thread sets the default number
        torch.set_num_threads(n_threads)
        self._start.wait()
        while True:
            answer, task = self._tasks.get()
            try:
                answer.set_result(task())
            except BaseException as error:  # noqa: BLE001  the caller gets any error, and raises it
                answer.set_exception(error)
            del answer, task  # keep nothing alive while idle


_STARTING = Lock()
_workers = functools.cache(_Workers)
os.register_at_fork(after_in_child=_workers.cache_clear)  # a child has none of these threads
