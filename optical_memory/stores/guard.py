"""One deadline for everything that a call asks of a server: retries inside it, a circuit breaker
after it.

Knows nothing of Redis. A daemon thread asks and the caller waits for it, so the deadline holds
whatever the client, its timeouts or its own retries do. A call in a turn waits no longer than the
turn may (`turn_time`).

The breaker is our own: pybreaker, which an extra of redis-py brings, holds its lock during a call
and would let only one thread talk to Redis at a time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Final, TypeVar

from optical_memory.errors import StoreError, StoreTimeout
from optical_memory.stores.daemons import start
from optical_memory.stores.locks import ForkLock
from optical_memory.stores.turn_time import require_time, spend
from optical_memory.telemetry.event_table import BREAKER_CLOSED, BREAKER_OPENED
from optical_memory.telemetry.events import emit
from optical_memory.telemetry.instruments import BREAKERS_OPEN
from optical_memory.telemetry.measuring import Level, watch

__all__ = ["CallGuard"]

T = TypeVar("T")

_FIRST_PAUSE = 0.01  # seconds between the first two attempts; then twice as long each time
_LONGEST_PAUSE = 0.2  # seconds; a server that comes back is noticed soon

PROBE_SECONDS: Final = 0.03
"""So long a call waits for a server that failed, if it is the one that asks whether it is back: a
turn must end in 50 ms then. A healthy server answers sooner; of a slower server the next call
learns.
"""


class CallGuard:
    """Calls that fail with a `transient` error are tried again until `deadline` (seconds from the
    call), also those that may take longer.

    A call that got no answer for half of the deadline or longer opens the breaker: for `cooldown`
    seconds every call raises `StoreError` at once. Then `probe` asks the server, and once it
    succeeds all calls are let through; no call waits longer for it than `PROBE_SECONDS`. A late
    answer to an old call closes the breaker too. Errors in `permanent` are raised at once and leave
    the breaker alone. `timeouts` are the errors that mean "no answer".
    """

    def __init__(
        self,
        *,
        deadline: float,
        cooldown: float,
        probe: Callable[[], object],
        transient: tuple[type[Exception], ...],
        permanent: tuple[type[Exception], ...] = (),
        timeouts: tuple[type[Exception], ...] = (TimeoutError,),
    ) -> None:
        self.deadline = deadline
        self._cooldown = cooldown
        self._probe = probe
        self._transient = transient
        self._permanent = permanent
        self._timeouts = timeouts
        self._failures: tuple[type[Exception], ...] = (TimeoutError, *transient)
        # Guards the three below, never held during a call. A child waits for no call of its parent.
        self._lock = ForkLock(self._forget_calls)
        self._retry_time = 0.0  # monotonic time at which a call is let through
        self._error: Exception | None = None  # the error that opened the breaker
        self._unanswered: dict[int, float] = {}  # calls that nobody waits for: when they began
        self._probing: Future[object] | None = None  # the last question if the server is back
        watch(self)

    def levels(self) -> list[Level]:
        """For gauges: 1 while the breaker is open."""
        return [Level(BREAKERS_OPEN, float(self._error is not None))]

    def call(self, attempt: Callable[[], T], deadline: float | None = None) -> T:
        """The result of `attempt`.

        Raises its error, `TimeoutError` at the deadline, `StoreError` while the breaker is open,
        and `StoreTimeout` if the turn has no time left.
        """
        self._admit()
        seconds = self.deadline if deadline is None else deadline
        turn_seconds = require_time()
        if turn_seconds is not None:
            seconds = min(seconds, turn_seconds)
        begin = time.monotonic()
        # Time beyond the usual is for a slow answer, not for a server that does not answer.
        outcome = start(lambda: self._persist(attempt, begin + min(seconds, self.deadline)))
        try:
            answer = outcome.result(seconds)
        except self._failures as error:
            if not outcome.done():
                self._abandon(outcome, begin)
                raise TimeoutError(f"no answer within {seconds:.2g} s") from error
            self._note(error, begin)
            raise
        finally:
            spend(time.monotonic() - begin)
        self._note(None, begin)
        return answer

    def _abandon(self, outcome: Future[T], begin: float) -> None:
        """Leave a call to its thread. Until it has an answer, the server may be hanging."""
        self._note(TimeoutError("no answer in time"), begin)
        with self._lock:
            self._unanswered[id(outcome)] = begin
        outcome.add_done_callback(partial(self._note_late, begin))

    def _note_late(self, begin: float, outcome: Future[T]) -> None:
        with self._lock:
            self._unanswered.pop(id(outcome), None)
        error = outcome.exception()
        if not isinstance(error, self._failures) or isinstance(error, self._permanent):
            self._note(None, begin)

    def _note(self, error: Exception | None, begin: float) -> None:
        """Note how a call ended that began at `begin`."""
        with self._lock:
            if error is None or isinstance(error, self._permanent):
                if self._error is not None:
                    emit(BREAKER_CLOSED)
                self._error = None
            elif self._is_long(begin):
                self._open(error)

    def _forget_calls(self) -> None:
        self._unanswered = {}
        self._probing = None

    def _open(self, error: Exception) -> None:
        if self._error is None:
            emit(BREAKER_OPENED, error=error, seconds=self._cooldown)
        self._error = error
        self._retry_time = time.monotonic() + self._cooldown

    def _is_long(self, begin: float) -> bool:
        """True if a call has been without an answer for so long that the server may hang."""
        return time.monotonic() - begin >= self.deadline / 2

    def _admit(self) -> None:
        """Raises `StoreError` while the breaker is open."""
        with self._lock:
            if self._error is None and any(map(self._is_long, self._unanswered.values())):
                self._open(TimeoutError("no answer in time"))
            if self._error is None:
                return
            wait = self._retry_time - time.monotonic()
            if wait > 0:
                raise self._refusal(
                    f"the server failed a moment ago; it is asked again in {wait:.1f} s"
                ) from self._error
            self._retry_time = time.monotonic() + self._cooldown  # this call alone asks
        self._ask_again()

    def _ask_again(self) -> None:
        """Close the breaker if the server is back. Raises `StoreError` if it is not."""
        outcome = self._probing
        if outcome is None or outcome.done():  # a server that hangs holds one thread, not many
            outcome = self._probing = start(self._probe)
            outcome.add_done_callback(partial(self._note_late, time.monotonic()))
        try:
            outcome.result(PROBE_SECONDS)
        except self._failures as error:
            if not isinstance(error, self._permanent):
                raise self._refusal("the server does not answer yet") from error

    def _refusal(self, message: str) -> StoreError:
        """The error while the breaker is open: a `StoreTimeout` if the server gave no answer."""
        has_hung = isinstance(self._error, self._timeouts)
        return StoreTimeout(message) if has_hung else StoreError(message)

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
