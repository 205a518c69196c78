"""A door in front of a server's socket through which every request passes late."""

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
    """A TCP address for a Unix socket; every byte of a request comes out `delay` seconds later."""

    def __init__(self, target: Path, delay: float) -> None:
        self.delay = delay
        self._target = target
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._take_callers, daemon=True).start()

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
        threading.Thread(target=self._deliver, args=(pieces, target), daemon=True).start()

    def _receive(self, source: socket.socket, pieces: Pieces, is_late: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                pieces.put((time.monotonic() + (self.delay if is_late else 0.0), data))
        pieces.put((0.0, b""))

    def _deliver(self, pieces: Pieces, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                moment, data = pieces.get()
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                time.sleep(max(0.0, moment - time.monotonic()))
                target.sendall(data)

    def close(self) -> None:
        for end in (self._listener, *self._sockets):
            end.close()


@contextmanager
def late_door(target: Path, delay: float) -> Iterator[LateDoor]:
    """A door that is closed after the test."""
    door = LateDoor(target, delay)
    yield door
    door.close()
