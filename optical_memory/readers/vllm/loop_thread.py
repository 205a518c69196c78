"""An event loop in a thread of its own, for threads that wait for coroutines.

Several threads may wait at once, and each may itself run another event loop.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, Final, TypeVar

from optical_memory.errors import ReaderUnavailable

__all__ = [
    "LoopThread",
]

T = TypeVar("T")
# Nothing starts between the check and the end of `close`, and no fork copies it in use. It is
# reentrant because the garbage collector may close another reader at any time.
_LOCK: Final = threading.RLock()
os.register_at_fork(
    before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
)


class LoopThread:
    """Starts at the first `run`, and again in a child process, to which a fork copies no thread.

    It ends with `close`, or when the garbage collector takes this object.
    """

    def __init__(self) -> None:
        self._process = 0  # whose loop it is
        self._loop: asyncio.AbstractEventLoop
        self._stop: weakref.finalize[Any, Any]
        self._is_closed = False

    def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Returns the result of the coroutine `function()`, and raises its errors.

        Raises `ReaderUnavailable` if `close` was called, before or during the run. An exception in
        the thread that waits, such as Ctrl-C, cancels the coroutine.
        """
        with _LOCK:
            if self._is_closed:
                raise ReaderUnavailable("the reader was closed")
            if self._process != os.getpid():
                self._start()
            future = asyncio.run_coroutine_threadsafe(function(), self._loop)
        try:
            return future.result()
        except CancelledError:
            raise ReaderUnavailable("the reader was closed") from None
        finally:
            future.cancel()

    def close(self) -> None:
        """Cancels all coroutines and ends the thread. Every later `run` raises."""
        with _LOCK:
            self._is_closed = True
            if self._process == os.getpid():
                self._stop()

    def _start(self) -> None:
        try:
            self._loop = asyncio.new_event_loop()
        except OSError as error:
            raise ReaderUnavailable(f"no event loop can start: {error}") from error
        name = "optical-memory-vllm"
        threading.Thread(target=_serve, args=(self._loop,), name=name, daemon=True).start()
        self._stop = weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
        self._stop.atexit = False  # a daemon thread ends with its process
        self._process = os.getpid()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Runs the loop until it is stopped, then cancels the coroutines that still run in it."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()
