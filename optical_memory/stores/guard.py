"""One deadline for all that a call asks of a server, retries inside it, a circuit breaker after it.

Knows nothing of Redis. The deadline holds whatever the client, its timeouts or its own retries do,
because the caller waits and a thread asks; the threads are daemons that are kept for the next call
(30 µs a call; a new thread each time took milliseconds on a busy machine). pybreaker, which
redis-py's extra brings, holds its lock while it calls and would let only one thread talk to Redis
at a time.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from optical_memory.errors import StoreError

__all__ = ["Guard"]

T = TypeVar("T")
Task = Callable[[], None]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2  # seconds between attempts

_idle: deque[SimpleQueue[Task]] = deque()  # the inboxes of threads that wait for work
os.register_at_fork(after_in_child=_idle.clear)


class Guard:
    """Calls that fail with a `transient` error are tried again until `deadline` (seconds from the
    call).

    A call that still fails opens the breaker: for `cooldown` seconds every call raises `StoreError`
    at once, then one is let through; when it succeeds, all are. Errors in `permanent` are raised at
    once and leave the breaker alone.
    """

    def __init__(
        self,
        *,
        deadline: float,
        cooldown: float,
        transient: tuple[type[Exception], ...],
        permanent: tuple[type[Exception], ...] = (),
    ) -> None:
        self.deadline = deadline
        self._cooldown = cooldown
        self._transient = transient
        self._permanent = permanent
        self._failures: tuple[type[Exception], ...] = (TimeoutError, *transient)
        self._lock = threading.Lock()
        self._resting_until = 0.0  # monotonic time at which one call is let through
        self._error: Exception | None = None  # what opened the breaker

    def call(self, attempt: Callable[[], T], deadline: float | None = None) -> T:
        """What `attempt` returns. Raises its error, `TimeoutError` at the deadline, `StoreError`
        while it rests.
        """
        self._admit()
        seconds = self.deadline if deadline is None else deadline
        until = time.monotonic() + seconds
        failure: Exception | None = None
        try:
            return _within(seconds, lambda: self._persist(attempt, until))
        except self._failures as error:
            failure = None if isinstance(error, self._permanent) else error
            raise
        finally:
            self._settle(failure)

    def _admit(self) -> None:
        with self._lock:
            if self._error is None:
                return
            wait = self._resting_until - time.monotonic()
            if wait > 0:
                raise StoreError(
                    f"not asked, since it failed before; next try in {wait:.1f} s"
                ) from self._error
            self._resting_until = time.monotonic() + self._cooldown  # this call alone tries

    def _settle(self, failure: Exception | None) -> None:
        with self._lock:
            self._error, self._resting_until = failure, time.monotonic() + self._cooldown

    def _persist(self, attempt: Callable[[], T], until: float) -> T:
        pause = _FIRST_PAUSE
        while True:
            try:
                return attempt()
            except self._transient as error:
                if isinstance(error, self._permanent) or time.monotonic() + pause >= until:
                    raise
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(2 * pause, _LONGEST_PAUSE)


def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns, done by another thread. Raises its error, or `TimeoutError` and leaves
    the thread to it.
    """
    outcome: Future[T] = Future()

    def task() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # handed to the caller, who raises it
            outcome.set_exception(error)

    _inbox().put(task)
    try:
        return outcome.result(seconds)
    except TimeoutError as error:
        if outcome.done():
            raise
        raise TimeoutError(f"no answer within {seconds:g} s") from error


def _inbox() -> SimpleQueue[Task]:
    """The inbox of an idle thread, or of a new one."""
    try:
        return _idle.pop()
    except IndexError:
        inbox: SimpleQueue[Task] = SimpleQueue()
        threading.Thread(
            target=_serve, args=(inbox,), name="optical-memory-store", daemon=True
        ).start()
        return inbox


def _serve(inbox: SimpleQueue[Task]) -> None:
    while True:
        task = inbox.get()
        task()
        del task  # keep nothing alive while idle
        _idle.append(inbox)
