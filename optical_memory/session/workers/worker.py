"""The thread that does a session's background work, in this process and in a forked child."""

from __future__ import annotations

import threading
from collections.abc import Callable

from optical_memory.readers.threads import wait_passively
from optical_memory.stores.locks import ForkLock
from optical_memory.telemetry.event_table import BACKGROUND_STOPPED
from optical_memory.telemetry.events import emit, error_words

__all__ = ["Worker"]


class Worker:
    """Runs `work` on a thread of its own, which starts when it is first needed.

    `work` does a piece and returns True if there may be more. `problem` is the last error in words;
    it is None after work that went well. A fork copies no thread, so a child begins anew: it has
    no thread until it needs a thread of its own. With `every`, a thread that runs looks for work
    after so many seconds by itself.
    """

    def __init__(self, work: Callable[[], bool], name: str, every: float | None = None) -> None:
        self._every = every
        self.problem: str | None = None
        self._work = work
        self._name = name
        self._is_stopped = False
        self._renewal = ForkLock(self._begin)  # held to take the condition, never to wait for it
        self._begin()

    def _begin(self) -> None:
        # One condition for all fields below: whoever waits is woken by any change of them.
        self._condition = threading.Condition()
        self._has_work = False
        self._is_busy = False
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None

    @property
    def _state(self) -> threading.Condition:
        with self._renewal:
            return self._condition

    @property
    def has_started(self) -> bool:
        """True if this process ever needed the thread."""
        with self._state:
            return self._thread is not None

    def wake(self) -> None:
        """Start the thread, or wake it. Nothing happens after `stop`."""
        with self._state:
            if self._is_stopped:
                return
            self._has_work = True
            if self._thread is None:
                wait_passively()
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._state.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do.

        Returns False if work is left after `timeout` seconds. Raises the error that ended the work.
        """
        with self._state:
            if not self._state.wait_for(self._is_idle, timeout):
                return False
            error = self._error
            self._error = None
        if error is not None:
            raise error
        return True

    def _is_idle(self) -> bool:
        return self._is_stopped or not (self._has_work or self._is_busy)

    def stop(self) -> None:
        """Stop after the piece at hand and wait for the thread to end."""
        with self._state:
            self._is_stopped = True
            self._has_work = False
            self._state.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while self._sleep():
            try:
                while not self._is_stopped and self._work():
                    pass
                self._settle(None)
            except Exception as error:  # noqa: BLE001  # `wait` raises it; the thread goes on
                emit(BACKGROUND_STOPPED, error=error)
                self._settle(error)

    def _sleep(self) -> bool:
        """Wait for work; False if told to stop."""
        with self._state:
            self._state.wait_for(lambda: self._has_work or self._is_stopped, self._every)
            self._has_work = False
            self._is_busy = not self._is_stopped
            return self._is_busy

    def _settle(self, error: Exception | None) -> None:
        with self._state:
            self._is_busy = False
            self._error = error or self._error  # an error stays until `wait` has raised it
            self.problem = None if error is None else _in_words(error)
            self._state.notify_all()


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error_words(error)}"
