"""The first reading of a session by a turn: a thread reads on if the turn cannot wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from optical_memory.errors import StoreTimeout
from optical_memory.session.snapshot import Snapshot
from optical_memory.stores.daemons import start
from optical_memory.stores.locks import ForkLock
from optical_memory.stores.turn_time import TURN_SECONDS, require_time, spend

__all__ = ["FirstReading"]

LATER_SECONDS: Final = 0.03
"""So long a turn waits for a reading that has already cost another turn its time."""


class FirstReading:
    """Runs `read` in a thread of its own, once at a time."""

    def __init__(self, read: Callable[[], Snapshot]) -> None:
        self._read = read
        self._lock = ForkLock(self._stop_waiting)
        self._reading: Future[Snapshot] | None = None
        self._begin = 0.0  # monotonic time at which the reading began

    def wait(self) -> Snapshot | None:
        """The snapshot; None if an older reading has just ended, which may be out of date.

        Raises its error, and `StoreTimeout` if the turn has no time left.
        """
        seconds = require_time() or 0.0
        with self._lock:
            reading = self._reading
            is_own = reading is None or reading.done()
            if reading is None or is_own:
                reading = start(self._read)
                self._reading = reading
                self._begin = time.monotonic()
            age = time.monotonic() - self._begin
        if not is_own:
            seconds = min(seconds, max(LATER_SECONDS, TURN_SECONDS - age))
        begin = time.monotonic()
        try:
            snapshot = reading.result(seconds)
        except TimeoutError as error:
            raise StoreTimeout("the session is still being read from the store") from error
        finally:
            spend(time.monotonic() - begin)
        return snapshot if is_own else None

    def _stop_waiting(self) -> None:
        """In a forked child: the thread that reads is the parent's."""
        self._reading = None
