"""One SQLite file: opened safely, migrated forward, shared by threads, scrubbed of deleted bytes.

Knows nothing of sessions or blobs. Several processes may have the file open. SQLite's connections
must not live through a fork, so they are closed before it, and parent and child open new ones when
they next need them. A call in a turn waits for other writers no longer than the turn may.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from optical_memory.errors import NewerFormat, StoreError, StoreTimeout
from optical_memory.stores.locks import TurnLock
from optical_memory.stores.sqlite_path import create_private
from optical_memory.stores.turn_time import spend, time_left, turn_time

__all__ = ["SQLiteFile"]

_APPLICATION_ID = 0x4F4D454D  # "OMEM", which tells our files from other programs'
_LOW_DISK = 64 << 20  # bytes; less than this on the disk is a problem
_SCRUB_MS = 20  # milliseconds of each try to empty the log, during which nobody can write
_SCRUB_PAUSE = 0.02  # seconds between tries
_FORK_PATIENCE = 10.0  # seconds that a fork waits for a statement of another thread


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
        self._migrations = migrations
        self._synchronous = synchronous
        self._busy_timeout = busy_timeout
        self._busy_ms = 0  # the busy timeout that the connection has now (milliseconds)
        self._lock = TurnLock(self._leave_connection)
        self._is_closed = False
        try:
            create_private(path)  # SQLite gives its log the mode of the file
        except OSError as error:
            raise StoreError(f"cannot open {str(path)!r}: {error}") from error
        self._connection: sqlite3.Connection | None = self._connect()
        _files.add(self)

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path,
                timeout=self._busy_timeout,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=64,
            )
        except sqlite3.Error as error:
            raise StoreError(f"cannot open {str(self.path)!r}: {error}") from error
        self._busy_ms = int(self._busy_timeout * 1000)
        try:
            self._prepare(connection)
        except (sqlite3.Error, StoreError) as error:
            connection.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"cannot open {str(self.path)!r}: {error}") from error
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        self._require_ours(connection)
        self._require_known_schema(connection)
        self._switch_to_wal(connection)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA secure_delete = ON")
        if self._needs_writing(connection):
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                self._migrate(connection)

    def _needs_writing(self, connection: sqlite3.Connection) -> bool:
        """False for a file of ours that is up to date: it opens while another process writes."""
        schema = _pragma(connection, "PRAGMA user_version")
        is_ours = _pragma(connection, "PRAGMA application_id") == _APPLICATION_ID
        return schema < len(self._migrations) or not is_ours

    def _require_ours(self, connection: sqlite3.Connection) -> None:
        tables = _pragma(connection, "SELECT count(*) FROM sqlite_master")
        if tables and _pragma(connection, "PRAGMA application_id") != _APPLICATION_ID:
            raise StoreError(
                f"{str(self.path)!r} is an SQLite file of another program; choose another path"
            )

    def _require_known_schema(self, connection: sqlite3.Connection) -> None:
        schema = _pragma(connection, "PRAGMA user_version")
        newest = len(self._migrations)
        if schema > newest:
            raise NewerFormat(
                f"{str(self.path)!r} has schema {schema}, newer than {newest}; "
                "upgrade optical-memory"
            )

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        end = time.monotonic() + self._busy_timeout
        # a loop, because SQLite does not wait here if two processes create the file at once
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        schema = _pragma(connection, "PRAGMA user_version")
        for statements in self._migrations[schema:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(schema, len(self._migrations))}")

    def _open(self) -> sqlite3.Connection:
        """The connection; a new connection if a fork has closed it."""
        if self._connection is None and not self._is_closed:
            if not self.path.exists():
                raise StoreError(f"the file {str(self.path)!r} is gone")
            self._connection = self._connect()
        if self._connection is None:
            raise StoreError(f"the store {str(self.path)!r} is closed")
        return self._connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection for a single statement, which sees one moment. Raises `StoreError`."""
        with self._lock:
            connection = self._open()
            self._limit_wait(connection)
            start = time.monotonic()
            try:
                yield connection
            except sqlite3.Error as error:
                message = f"SQLite said no to {str(self.path)!r}: {error}"
                if _is_locked(error):
                    spend(time.monotonic() - start)
                    raise StoreTimeout(message) from error
                raise StoreError(message) from error

    def _limit_wait(self, connection: sqlite3.Connection) -> None:
        """Let SQLite wait for other writers as long as a call may, and the turn still may."""
        seconds = time_left()
        limit = self._busy_timeout if seconds is None else min(seconds, self._busy_timeout)
        self._set_wait(connection, int(limit * 1000))

    def _set_wait(self, connection: sqlite3.Connection, milliseconds: int) -> None:
        if milliseconds != self._busy_ms:
            connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
            self._busy_ms = milliseconds

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
            start = time.monotonic()
            connection.execute("BEGIN IMMEDIATE")
            spend(time.monotonic() - start)
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
            self._set_wait(connection, _SCRUB_MS)
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

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
            self._is_closed = True
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ---- forks -----------------------------------------------------------------------------------

    def pause(self) -> bool:
        """Close the connection and let no other thread open it until `go_on`.

        False, and nothing is done, if another thread is in a statement for longer than the turn
        may wait.
        """
        try:
            self._lock.__enter__()
        except StoreTimeout:
            return False
        self._disconnect()
        return True

    def go_on(self) -> None:
        """Let threads open the file again."""
        self._lock.__exit__()

    def _leave_connection(self) -> None:
        """In a child whose parent could not close: the connection is never used and never closed,
        for either would touch the parent's locks.
        """
        if self._connection is not None:
            _left_connections.append(self._connection)
            self._connection = None


_files: weakref.WeakSet[SQLiteFile] = weakref.WeakSet()
_paused_files: list[SQLiteFile] = []  # during a fork
_left_connections: list[sqlite3.Connection] = []


def _before_fork() -> None:
    with turn_time(_FORK_PATIENCE):
        _paused_files.extend(file for file in list(_files) if file.pause())


def _after_fork() -> None:
    while _paused_files:
        _paused_files.pop().go_on()


# A child has new locks, so nobody needs to go on there.
os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork, after_in_child=_paused_files.clear
)


def _pragma(connection: sqlite3.Connection, statement: str) -> int:
    return int(connection.execute(statement).fetchone()[0])


def _is_locked(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )
