"""One background thread that does pieces of work until there are none, then sleeps until it is
woken.

Knows nothing of memories. What goes wrong in it is logged, kept in `problem`, and raised by the
next `finish`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

__all__ = ["Worker"]

log = logging.getLogger("optical_memory")


class Worker:
    """`work` does one piece and says whether there may be more. The thread starts when it is first
    needed.
    """

    def __init__(self, work: Callable[[], bool], name: str) -> None:
        self._work, self._name = work, name
        self._state = threading.Condition()
        self._wanted = self._busy = self._stopped = False
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        self.problem: str | None = None

    @property
    def started(self) -> bool:
        return self._thread is not None

    def wake(self) -> None:
        with self._state:
            if self._stopped:
                return
            self._wanted = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._state.notify_all()

    def finish(self) -> None:
        """Wake, wait until nothing is left to do, and raise what went wrong."""
        self.wake()
        with self._state:
            self._state.wait_for(lambda: not (self._wanted or self._busy) or self._stopped)
            error, self._error = self._error, None
        if error is not None:
            raise error

    def stop(self) -> None:
        """Stop after the piece at hand and wait for the thread to end."""
        with self._state:
            self._stopped, self._wanted = True, False
            self._state.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while self._sleep():
            try:
                while not self._stopped and self._work():
                    pass
                self._settle(None)
            except (
                Exception
            ) as error:  # handed to whoever calls `finish`; the thread must outlive it
                log.warning(
                    "background work stopped, nothing is lost: %s: %s", type(error).__name__, error
                )
                self._settle(error)

    def _sleep(self) -> bool:
        """Wait for work; False when told to stop."""
        with self._state:
            self._state.wait_for(lambda: self._wanted or self._stopped)
            self._wanted, self._busy = False, not self._stopped
            return self._busy

    def _settle(self, error: Exception | None) -> None:
        with self._state:
            self._busy = False
            self._error = error or self._error
            self.problem = None if error is None else f"{type(error).__name__}: {error}"
            self._state.notify_all()
