"""A door in front of a server's socket through which requests pass late, and answers drip."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

CHUNK = 1 << 20

Pieces = SimpleQueue[tuple[float, bytes]]
"""Bytes, each with the time at which they go on."""


class LateDoor:
    """A TCP address for a Unix socket; every byte of a request comes out `delay` seconds later.

    With `drip`, answers come a few bytes at a time.
    """

    def __init__(self, target: Path, delay: float) -> None:
        self.delay = delay
        self._drop_bytes: int | None = None
        self._drop_seconds = 0.0
        self._target = target
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self._porter = threading.Thread(target=self._take_callers, daemon=True)
        self._porter.start()

    def _take_callers(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                self._sockets += [caller, server]
                server.connect(str(self._target))
                for ends in ((caller, server, True), (server, caller, False)):
                    self._connect(*ends)

    def _connect(self, source: socket.socket, target: socket.socket, is_late: bool) -> None:
        pieces: Pieces = SimpleQueue()
        receiving = (source, pieces, is_late)
        threading.Thread(target=self._receive, args=receiving, daemon=True).start()
        delivering = (pieces, target, is_late)
        threading.Thread(target=self._deliver, args=delivering, daemon=True).start()

    def _receive(self, source: socket.socket, pieces: Pieces, is_late: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                pieces.put((time.monotonic() + (self.delay if is_late else 0.0), data))
        pieces.put((0.0, b""))

    def _deliver(self, pieces: Pieces, target: socket.socket, is_request: bool) -> None:
        with contextlib.suppress(OSError):
            while True:
                moment, data = pieces.get()
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                time.sleep(max(0.0, moment - time.monotonic()))
                if is_request or self._drop_bytes is None:
                    target.sendall(data)
                else:
                    self._deliver_drops(data, target)

    def _deliver_drops(self, data: bytes, target: socket.socket) -> None:
        while data:
            n_bytes = self._drop_bytes or len(data)
            target.sendall(data[:n_bytes])
            data = data[n_bytes:]
            time.sleep(self._drop_seconds)

    def drip(self, n_bytes: int | None, seconds: float) -> None:
        """From now on, so many bytes of an answer come at a time; None: all of it at once."""
        self._drop_bytes, self._drop_seconds = n_bytes, seconds

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for callers
        self._porter.join()
        for end in (self._listener, *self._sockets):
            end.close()


@contextmanager
def late_door(target: Path, delay: float) -> Iterator[LateDoor]:
    """A door that is closed after the test."""
    door = LateDoor(target, delay)
    yield door
    door.close()
