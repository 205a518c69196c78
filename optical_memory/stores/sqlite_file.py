"""One SQLite file, opened safely, migrated forward, shared by threads and scrubbed of what was
deleted.

Knows nothing of sessions or blobs. Several processes may have the file open; open it anew after a
fork.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from optical_memory.errors import StoreError

__all__ = ["SQLiteFile"]

_APPLICATION_ID = 0x4F4D454D  # "OMEM": says whose file it is
_LOW_DISK = 64 << 20  # bytes
_SCRUB_MS = 20  # that a try to empty the log may take
_SCRUB_PAUSE = 0.02  # seconds between tries


class SQLiteFile:
    """A connection with its lock. `migrations[i]` is the statements that lead from schema version i
    to i + 1.

    `synchronous` is SQLite's: FULL makes every commit durable, NORMAL may lose the last ones with
    the power but never corrupts. Raises `StoreError` when the file is not ours, is newer than this
    version or cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Sequence[str]],
        *,
        synchronous: str = "FULL",
        busy_timeout: float = 5.0,
    ) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._busy_timeout = busy_timeout
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path,
                timeout=busy_timeout,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=64,
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot open {str(path)!r}: {error}") from error
        try:
            self._prepare(migrations, synchronous)
        except (sqlite3.Error, StoreError) as error:
            self._connection.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"cannot open {str(path)!r}: {error}") from error

    def _prepare(self, migrations: Sequence[Sequence[str]], synchronous: str) -> None:
        self._refuse_foreign(len(migrations))
        self._switch_to_wal()
        self._connection.execute(f"PRAGMA synchronous = {synchronous}")
        self._connection.execute("PRAGMA secure_delete = ON")
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._migrate(migrations)

    def _refuse_foreign(self, newest: int) -> None:
        tables = self._pragma("SELECT count(*) FROM sqlite_master")
        if tables and self._pragma("PRAGMA application_id") != _APPLICATION_ID:
            raise StoreError(
                f"{str(self.path)!r} is an SQLite file of another program; choose another path"
            )
        if (version := self._pragma("PRAGMA user_version")) > newest:
            raise StoreError(
                f"{str(self.path)!r} has schema {version}, newer than {newest}; upgrade optical-memory"
            )

    def _switch_to_wal(self) -> None:
        until = time.monotonic() + self._busy_timeout
        while (
            True
        ):  # SQLite does not call its busy handler here when two processes create the file at once
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def _migrate(self, migrations: Sequence[Sequence[str]]) -> None:
        version = self._pragma("PRAGMA user_version")
        for statements in migrations[version:]:
            for statement in statements:
                self._connection.execute(statement)
        self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {max(version, len(migrations))}")

    def _pragma(self, statement: str) -> int:
        return int(self._connection.execute(statement).fetchone()[0])

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one statement: each statement sees one moment. Raises `StoreError`."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise StoreError(f"SQLite said no to {str(self.path)!r}: {error}") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a write transaction: all or nothing. Raises `StoreError`."""
        with self.reading() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    def scrub(self, until: float) -> bool:
        """Empty the log, so that deleted bytes are in no file; False when a reader kept it until
        then (monotonic).

        Tries at least once, and briefly each time: SQLite lets nobody write meanwhile, and says at
        once that it is busy where another process empties the log.
        """
        while not self._emptied():
            if time.monotonic() >= until:
                return False
            time.sleep(_SCRUB_PAUSE)
        return True

    def _emptied(self) -> bool:
        with self.reading() as connection:
            connection.execute(f"PRAGMA busy_timeout = {_SCRUB_MS}")
            try:
                return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout * 1000)}")

    def problems(self) -> list[str]:
        """What is wrong with the file or its disk, one sentence each."""
        found = []
        try:
            with closing(sqlite3.connect(self.path, timeout=self._busy_timeout)) as connection:
                rows = connection.execute("PRAGMA integrity_check(5)").fetchall()
        except sqlite3.Error as error:
            rows = [(str(error),)]
        found += [f"{self.path} is damaged: {row[0]}." for row in rows if row[0] != "ok"]
        if (free := shutil.disk_usage(self.path.parent).free) < _LOW_DISK:
            found.append(f"the disk of {self.path} has only {free >> 20} MiB left.")
        return found

    def close(self) -> None:
        with self._lock:
            self._connection.close()
