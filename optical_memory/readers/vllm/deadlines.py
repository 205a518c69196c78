"""Requests to vLLM servers that end when they must: at a deadline, or together, because nobody
wants their answers now.

A thread that waits for a server is woken by shutting its connection down from another thread. The
timeouts of httpx do not do that: they are for one receive, and a server may send a byte at a time.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from optical_memory.errors import ReaderUnavailable

__all__ = ["Attempt", "Call"]


class Call:
    """Requests that end together, as those of one `transcribe` do."""

    def __init__(self, changed: threading.Condition) -> None:
        self.changed = changed  # guards what is below, and wakes who waits for a place
        self.over = False
        self.attempts: set[Attempt] = set()

    def end(self) -> None:
        """Ends the waits of its requests, which then raise what `check` does, and lets no other
        begin.
        """
        with self.changed:
            self.over = True
            for attempt in self.attempts:
                attempt.cut()
            self.changed.notify_all()

    def check(self) -> None:
        """Raises `ReaderUnavailable` when it has ended."""
        if self.over:
            raise ReaderUnavailable("the reader was closed")


class Attempt:
    """What is asked of one server within a `with` block: at `until` (monotonic), or when its call
    ends, its connection is cut. One connection at a time. Entering raises `ReaderUnavailable` when
    the call has ended.
    """

    def __init__(self, call: Call, until: float) -> None:
        self.until = until
        self._call, self._seconds = call, max(until - time.monotonic(), 0.0)
        self._connection: socket.socket | None = None
        self._timer = threading.Timer(self._seconds, self.cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        with self._call.changed:
            self._call.check()
            self._call.attempts.add(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._call.changed:
            self._call.attempts.discard(self)
            self._hold(None)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """For httpx's extension of this name: takes a handle of each new connection, since httpx
        may wrap or close its own at any time. Raises httpx's `ConnectError` where there is none to
        have.
        """
        if event.endswith(".connect_tcp.complete"):
            with self._call.changed:
                self._hold(_handle(info["return_value"]))
                if self._call.over or time.monotonic() >= self.until:
                    self.cut()

    def cut(self) -> None:
        """Wakes the thread that waits for the connection: it finds it ended."""
        with self._call.changed, suppress(OSError):  # the server has ended it already
            if self._connection is not None:
                self._connection.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Raises `ReaderUnavailable` when its call has ended, and httpx's `ReadTimeout` when its
        time is up.
        """
        import httpx

        self._call.check()
        if time.monotonic() >= self.until:
            raise httpx.ReadTimeout(f"timed out: no whole answer within {self._seconds:.1f} s")

    def _hold(self, connection: socket.socket | None) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = connection


def _handle(stream: Any) -> socket.socket:
    """Of an httpcore `NetworkStream` over a plain socket."""
    import httpx

    try:
        handle: socket.socket = stream.get_extra_info("socket").dup()
    except OSError as error:  # too many open files
        stream.close()
        raise httpx.ConnectError(str(error)) from error
    return handle
