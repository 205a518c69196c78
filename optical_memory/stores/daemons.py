"""Threads that nobody waits for at the end of a program, kept for the next piece of work.

They must be daemons. When a program ends, Python joins the threads of a `ThreadPoolExecutor`, so a
server that hangs would hang the end of the program. Idle threads are kept: to start a thread for
each call would take longer, on a busy machine most of all. A forked child has none of its parent's
threads, so `os.register_at_fork` empties its list of idle threads.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["start"]

T = TypeVar("T")
Piece = Callable[[], None]

_idle: deque[SimpleQueue[Piece]] = deque()  # the inboxes of threads that wait for work
os.register_at_fork(after_in_child=_idle.clear)


def start(work: Callable[[], T]) -> Future[T]:
    """The result of `work` to come: an idle thread does it, or a new thread."""
    outcome: Future[T] = Future()

    def task() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001  the caller gets any error, and raises it
            outcome.set_exception(error)

    _inbox().put(task)
    return outcome


def _inbox() -> SimpleQueue[Piece]:
    """The inbox of an idle thread, or of a new thread."""
    try:
        return _idle.pop()
    except IndexError:
        inbox: SimpleQueue[Piece] = SimpleQueue()
        threading.Thread(
            target=_serve, args=(inbox,), name="optical-memory-store", daemon=True
        ).start()
        return inbox


def _serve(inbox: SimpleQueue[Piece]) -> None:
    while True:
        task = inbox.get()
        task()
        del task  # keep nothing alive while idle
        _idle.append(inbox)
