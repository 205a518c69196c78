"""One deadline for everything that a call asks of a server: retries inside it, a circuit breaker
after it.

Knows nothing of Redis. A thread asks and the caller waits for it, so the deadline holds whatever
the client, its timeouts or its own retries do.

The threads are a pool of our own, because they must be daemons. When a program ends, Python joins
the threads of a `ThreadPoolExecutor`, so a server that hangs would hang the end of the program;
nobody waits for a daemon thread. Idle threads are kept for the next call: that costs 30 µs a call,
a new thread each time took milliseconds on a busy machine. A forked child has none of its parent's
threads, so `os.register_at_fork` empties its list of idle threads.

The breaker is our own too: pybreaker, which an extra of redis-py brings, holds its lock during a
call and would let only one thread talk to Redis at a time.
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

__all__ = ["CallGuard"]

T = TypeVar("T")
Piece = Callable[[], None]

_FIRST_PAUSE = 0.01  # seconds between the first two attempts; then twice as long each time
_LONGEST_PAUSE = 0.2  # seconds; a server that comes back is noticed soon

_idle: deque[SimpleQueue[Piece]] = deque()  # the inboxes of threads that wait for work
os.register_at_fork(after_in_child=_idle.clear)


class CallGuard:
    """Calls that fail with a `transient` error are tried again until `deadline` (seconds from the
    call).

    A call that fails to the end opens the breaker: for `cooldown` seconds every call raises
    `StoreError` at once. Then one call is let through; if it succeeds, all are. Errors in
    `permanent` are raised at once and leave the breaker alone.
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
        self._lock = threading.Lock()  # guards the two below, never held during a call
        self._retry_time = 0.0  # monotonic time at which a call is let through
        self._error: Exception | None = None  # the error that opened the breaker

    def call(self, attempt: Callable[[], T], deadline: float | None = None) -> T:
        """The result of `attempt`.

        Raises its error, `TimeoutError` at the deadline, `StoreError` while the breaker is open.
        """
        self._admit()
        seconds = self.deadline if deadline is None else deadline
        end = time.monotonic() + seconds
        failure: Exception | None = None
        try:
            return _within(seconds, lambda: self._persist(attempt, end))
        except self._failures as error:
            failure = None if isinstance(error, self._permanent) else error
            raise
        finally:
            self._settle(failure)

    def _admit(self) -> None:
        with self._lock:
            if self._error is None:
                return
            wait = self._retry_time - time.monotonic()
            if wait > 0:
                raise StoreError(
                    f"the server failed a moment ago; it is asked again in {wait:.1f} s"
                ) from self._error
            self._retry_time = time.monotonic() + self._cooldown  # this call alone tries

    def _settle(self, failure: Exception | None) -> None:
        with self._lock:
            self._error = failure
            self._retry_time = time.monotonic() + self._cooldown

    def _persist(self, attempt: Callable[[], T], end: float) -> T:
        """The result of `attempt`, tried again until `end` (monotonic). Raises its last error."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return attempt()
            except self._transient as error:
                if isinstance(error, self._permanent) or time.monotonic() + pause >= end:
                    raise
            # at random, so that the agents that lost a server do not all come back at once
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(2 * pause, _LONGEST_PAUSE)


def _within(seconds: float, work: Callable[[], T]) -> T:
    """The result of `work`, which another thread does.

    Raises its error. After `seconds` it raises `TimeoutError` and leaves the thread to its work.
    """
    outcome: Future[T] = Future()

    def task() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001  the caller gets any error, and raises it
            outcome.set_exception(error)

    _inbox().put(task)
    try:
        return outcome.result(seconds)
    except TimeoutError as error:
        if outcome.done():
            raise
        raise TimeoutError(f"no answer within {seconds:g} s") from error


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
