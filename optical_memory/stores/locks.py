"""Locks that a forked child has new, and that a turn does not wait for longer than it may.

A thread may hold a lock while it waits for a server. If the process forks then, no thread of the
child would ever release the copy.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from optical_memory.errors import StoreTimeout
from optical_memory.stores.turn_time import require_time, spend

__all__ = [
    "ForkLock",
    "TurnLock",
]

_renewal = threading.RLock()  # so that two threads of a child do not renew the same lock twice
os.register_at_fork(
    before=_renewal.acquire,
    after_in_parent=_renewal.release,
    after_in_child=_renewal.release,
)


class ForkLock:
    """A reentrant lock. A forked child has it new, and calls `renew` before it is first used."""

    def __init__(self, renew: Callable[[], None] | None = None) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._renew = renew

    def __enter__(self) -> None:
        self._renew_in_child()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def _renew_in_child(self) -> None:
        if self._pid == os.getpid():
            return
        with _renewal:
            if self._pid != os.getpid():
                self._lock = threading.RLock()
                if self._renew is not None:
                    self._renew()
                self._pid = os.getpid()


class TurnLock(ForkLock):
    """A lock that is held while a store is asked.

    To enter it raises `StoreTimeout` if the present turn has no time left to wait for it.
    """

    def __enter__(self) -> None:
        self._renew_in_child()
        if self._lock.acquire(blocking=False):
            return
        start = time.monotonic()
        seconds = require_time()
        has_entered = self._lock.acquire(timeout=-1 if seconds is None else seconds)
        spend(time.monotonic() - start)
        if not has_entered:
            raise StoreTimeout("another thread of this process still waits for the store")
