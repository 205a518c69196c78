"""One deadline for all that a call asks of a server, retries inside it, a circuit breaker after it.

Knows nothing of Redis. The deadline holds whatever the client, its timeouts or its own retries do, because the caller
waits and a thread asks. pybreaker, which redis-py's extra brings, holds its lock while it calls and would let only one
thread talk to Redis at a time.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from optical_memory.errors import StoreError

__all__ = ["Guard"]

T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2  # seconds between attempts


class Guard:
    """Calls that fail with a `transient` error are tried again until `deadline` (seconds from the call).

    A call that still fails opens the breaker: for `cooldown` seconds every call raises `StoreError` at once, then one
    is let through; when it succeeds, all are. Errors in `permanent` are raised at once and leave the breaker alone.
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
        self._closed_from = 0.0  # monotonic time at which the next call is let through
        self._error: BaseException | None = None  # what opened the breaker

    def call(self, attempt: Callable[[], T], deadline: float | None = None) -> T:
        """What `attempt` returns. Raises its error, `TimeoutError` at the deadline, `StoreError` while it rests."""
        self._admit()
        seconds = self.deadline if deadline is None else deadline
        try:
            result = self._within(seconds, attempt)
        except self._failures as error:
            if not isinstance(error, self._permanent):
                self._open(error)
            raise
        self._close()
        return result

    def _admit(self) -> None:
        with self._lock:
            if self._error is None:
                return
            wait = self._closed_from - time.monotonic()
            if wait > 0:
                raise StoreError(f"not asked, since it failed before; next try in {wait:.1f} s") from self._error
            self._closed_from = time.monotonic() + self._cooldown  # this call alone tries

    def _open(self, error: BaseException) -> None:
        with self._lock:
            self._error, self._closed_from = error, time.monotonic() + self._cooldown

    def _close(self) -> None:
        with self._lock:
            self._error = None

    def _within(self, seconds: float, attempt: Callable[[], T]) -> T:
        until = time.monotonic() + seconds
        outcome: Future[T] = Future()

        def work() -> None:
            try:
                outcome.set_result(self._persist(attempt, until))
            except BaseException as error:  # handed to the caller, who raises it
                outcome.set_exception(error)

        thread = threading.Thread(target=work, name="optical-memory-store", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down and starts no threads
            return self._persist(attempt, until)
        thread.join(seconds)
        if not outcome.done():
            raise TimeoutError(f"no answer within {seconds:g} s")
        return outcome.result()

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
