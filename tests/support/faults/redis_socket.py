"""A Redis connection behind a fault point: each send and each receive of its socket is a step."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.connection import UnixDomainSocketConnection

from support.faults.fault_point import FaultPoint

__all__ = ["socket_faults"]


class _FaultySocket(socket.socket):
    """A socket that breaks at a step. A send that is refused has sent half of its bytes."""

    point: FaultPoint

    def sendall(self, data: Any, *flags: Any) -> None:
        def send() -> None:
            socket.socket.sendall(self, data, *flags)

        try:
            self.point.step("send", send)
        except ConnectionError:
            if self.point.mode == "refused" and len(data) > 1:
                socket.socket.sendall(self, data[: len(data) // 2])
            self.close()
            raise

    def recv(self, *arguments: Any) -> bytes:
        return self.point.step("receive", lambda: socket.socket.recv(self, *arguments))

    def recv_into(self, *arguments: Any) -> int:
        return self.point.step("receive", lambda: socket.socket.recv_into(self, *arguments))


@contextmanager
def socket_faults(point: FaultPoint) -> Iterator[FaultPoint]:
    """Every connection to a server's Unix socket that is made within breaks at this point."""
    point.error = lambda: ConnectionResetError("the connection broke")
    real_connect = UnixDomainSocketConnection._connect

    def connect(self: Any) -> socket.socket:
        plain = real_connect(self)
        timeout = plain.gettimeout()
        own = _FaultySocket(plain.family, plain.type, plain.proto, plain.detach())
        own.settimeout(timeout)
        own.point = point
        return own

    UnixDomainSocketConnection._connect = connect  # type: ignore[method-assign]
    try:
        yield point
    finally:
        point.is_armed = False
        UnixDomainSocketConnection._connect = real_connect  # type: ignore[method-assign]
