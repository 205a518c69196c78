"""One SQLite file: opened safely, migrated forward, shared by threads, scrubbed of deleted bytes.

Knows nothing of sessions or blobs. Several processes may have the file open. After a fork, the
child must open it again.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from optical_memory.errors import NewerFormat, StoreError
from optical_memory.stores.private_files import create_private

__all__ = ["SQLiteFile"]

_APPLICATION_ID = 0x4F4D454D  # "OMEM", which tells our files from other programs'
_LOW_DISK = 64 << 20  # bytes; less than this on the disk is a problem
_SCRUB_MS = 20  # milliseconds of each try to empty the log, during which nobody can write
_SCRUB_PAUSE = 0.02  # seconds between tries


class SQLiteFile:
    """A connection with its lock. `migrations[i]` holds the statements from schema i to i + 1.

    `synchronous` is SQLite's: FULL makes every commit durable; NORMAL may lose the last commits in
    a power cut but never corrupts. Raises `StoreError` if the file is not ours or cannot be opened,
    `NewerFormat` if a newer version of this package wrote it.
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
            create_private(path)  # SQLite gives its log the mode of the file
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
        self._require_ours()
        self._require_known_schema(len(migrations))
        self._switch_to_wal()
        self._connection.execute(f"PRAGMA synchronous = {synchronous}")
        self._connection.execute("PRAGMA secure_delete = ON")
        if self._needs_writing(len(migrations)):
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._migrate(migrations)

    def _needs_writing(self, newest: int) -> bool:
        """False for a file of ours that is up to date: it opens while another process writes."""
        schema = self._pragma("PRAGMA user_version")
        return schema < newest or self._pragma("PRAGMA application_id") != _APPLICATION_ID

    def _require_ours(self) -> None:
        tables = self._pragma("SELECT count(*) FROM sqlite_master")
        if tables and self._pragma("PRAGMA application_id") != _APPLICATION_ID:
            raise StoreError(
                f"{str(self.path)!r} is an SQLite file of another program; choose another path"
            )

    def _require_known_schema(self, newest: int) -> None:
        schema = self._pragma("PRAGMA user_version")
        if schema > newest:
            raise NewerFormat(
                f"{str(self.path)!r} has schema {schema}, newer than {newest}; "
                "upgrade optical-memory"
            )

    def _switch_to_wal(self) -> None:
        end = time.monotonic() + self._busy_timeout
        # a loop, because SQLite does not wait here if two processes create the file at once
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def _migrate(self, migrations: Sequence[Sequence[str]]) -> None:
        schema = self._pragma("PRAGMA user_version")
        for statements in migrations[schema:]:
            for statement in statements:
                self._connection.execute(statement)
        self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {max(schema, len(migrations))}")

    def _pragma(self, statement: str) -> int:
        return int(self._connection.execute(statement).fetchone()[0])

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection for one statement, which sees one moment. Raises `StoreError`."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise StoreError(f"SQLite said no to {str(self.path)!r}: {error}") from error

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """The connection for several statements, which see one moment. Raises `StoreError`."""
        with self.reading() as connection, connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a write transaction: all or nothing. Raises `StoreError`."""
        with self.reading() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    def scrub(self, end: float) -> bool:
        """Empty the log, so that deleted bytes are in no file; False if a reader keeps it till
        `end` (monotonic).

        Tries at least once. Each try is short, because nobody can write during it. SQLite says
        "busy" at once if another process is emptying the log, so that is tried again too.
        """
        while not self._try_to_empty_log():
            if time.monotonic() >= end:
                return False
            time.sleep(_SCRUB_PAUSE)
        return True

    def _try_to_empty_log(self) -> bool:
        with self.reading() as connection:
            connection.execute(f"PRAGMA busy_timeout = {_SCRUB_MS}")
            try:
                return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout * 1000)}")

    def problems(self) -> list[str]:
        """Problems of the file and its disk, one sentence each."""
        try:
            with closing(sqlite3.connect(self.path, timeout=self._busy_timeout)) as connection:
                rows = connection.execute("PRAGMA integrity_check(5)").fetchall()
        except sqlite3.Error as error:
            rows = [(str(error),)]
        sentences = [f"{self.path} is damaged: {row[0]}." for row in rows if row[0] != "ok"]
        free_bytes = shutil.disk_usage(self.path.parent).free
        if free_bytes < _LOW_DISK:
            sentences.append(f"the disk of {self.path} has only {free_bytes >> 20} MiB left.")
        return sentences

    def close(self) -> None:
        with self._lock:
            self._connection.close()
