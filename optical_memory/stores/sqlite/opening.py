"""How an SQLite file is opened: as ours, migrated forward, in WAL mode, or only to be read.

A file that may not be written is read all the same: because of its rights, a read-only file system,
or a disk that is full.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from optical_memory.errors import NewerFormat, StoreError
from optical_memory.stores.sqlite_path import create_private

__all__ = [
    "MAX_PAGES",
    "FileOpener",
    "OpenFile",
    "explain",
    "file_state",
    "forbids_writing",
    "is_full",
    "is_locked",
    "page_limit",
]

_APPLICATION_ID = 0x4F4D454D  # "OMEM", which tells our files from other programs'

_LOG_PAGES: Final = 256
"""The file takes in its log after so many pages, 1 MiB, and may grow as much: half of what is kept
for erasures (`RESERVE_BYTES`), which need that on a full disk. SQLite's own 1,000 are no faster.
"""

MAX_PAGES: Final = 2**32 - 2
"""SQLite's own limit of a file."""

_PAGE_BYTES: Final = 4096  # SQLite's default, which our files have

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_UNWRITABLE: Final = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


class OpenFile(NamedTuple):
    """A connection, and the options of its URI, with which a second connection sees the same."""

    connection: sqlite3.Connection
    options: str


@dataclass(frozen=True)
class FileOpener:
    """Opens a file. `migrations[i]` holds the statements from schema i to i + 1.

    `synchronous` is SQLite's word; `busy_timeout` is in seconds. Methods raise `StoreError` with
    the error of SQLite or of the system in `__cause__`, and `NewerFormat` if a newer version of
    this package wrote the file.
    """

    path: Path
    migrations: Sequence[Sequence[str]]
    synchronous: str
    busy_timeout: float

    def open_to_write(self) -> OpenFile:
        """The file, which is created or migrated if it must be."""
        try:
            create_private(self.path)  # SQLite gives its log the mode of the file
        except OSError as error:
            raise self._refusal(error) from error
        return self._open("mode=rw", self._prepare)

    def open_to_read(self) -> OpenFile:
        """The file, with nothing written to it or beside it.

        A file that no program has open to write has no index of a log; SQLite would make one, so it
        is told that the file never changes. The caller has to notice if it does.
        """
        if self._has("-shm"):
            return self._open("mode=ro", self._require_readable)
        if self._has("-wal"):
            raise StoreError(
                f"cannot read {str(self.path)!r}: its log must be taken in first; make room on its "
                "disk, and open it as a user who may write to its folder"
            )
        return self._open("mode=ro&immutable=1", self._require_readable)

    def _has(self, suffix: str) -> bool:
        """True if there is such a file beside this file, and it is not empty."""
        path = self.path.with_name(self.path.name + suffix)
        return path.exists() and path.stat().st_size > 0

    def _open(self, options: str, prepare: Callable[[sqlite3.Connection], None]) -> OpenFile:
        try:
            connection = self.connect(options)
        except sqlite3.Error as error:
            raise self._refusal(error) from error
        try:
            prepare(connection)
        except (sqlite3.Error, StoreError) as error:
            connection.close()
            if isinstance(error, StoreError):
                raise
            raise self._refusal(error) from error
        return OpenFile(connection, options)

    def connect(self, options: str) -> sqlite3.Connection:
        """A bare connection. Raises sqlite3's errors."""
        return sqlite3.connect(
            f"file:{quote(os.fsencode(self.path))}?{options}",
            uri=True,
            timeout=self.busy_timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )

    def damage(self, options: str) -> list[str]:
        """What SQLite finds wrong in the file, one sentence each."""
        try:
            with closing(self.connect(options)) as connection:
                rows = connection.execute("PRAGMA integrity_check(5)").fetchall()
        except sqlite3.OperationalError as error:  # not opened, or locked: that is no damage
            return [f"{self.path} cannot be checked: {error}."]
        except sqlite3.Error as error:
            return [f"{self.path} is damaged: {error}."]
        return [f"{self.path} is damaged: {row[0]}." for row in rows if row[0] != "ok"]

    def _refusal(self, error: Exception) -> StoreError:
        return StoreError(f"cannot open {str(self.path)!r}: {error}")

    def _prepare(self, connection: sqlite3.Connection) -> None:
        self._require_ours(connection)
        self._require_known_schema(connection)
        self._switch_to_wal(connection)
        connection.execute(f"PRAGMA synchronous = {self.synchronous}")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        if self._needs_writing(connection):
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                self._migrate(connection)

    def _require_readable(self, connection: sqlite3.Connection) -> None:
        self._require_ours(connection)
        self._require_known_schema(connection)
        if self._needs_writing(connection):
            raise StoreError(
                f"{str(self.path)!r} has an older format, and may not be written here; "
                "open it once as a user who may write it"
            )

    def _needs_writing(self, connection: sqlite3.Connection) -> bool:
        """False for a file of ours that is up to date: it opens while another process writes."""
        schema = _pragma(connection, "PRAGMA user_version")
        is_ours = _pragma(connection, "PRAGMA application_id") == _APPLICATION_ID
        return schema < len(self.migrations) or not is_ours

    def _require_ours(self, connection: sqlite3.Connection) -> None:
        tables = _pragma(connection, "SELECT count(*) FROM sqlite_master")
        if tables and _pragma(connection, "PRAGMA application_id") != _APPLICATION_ID:
            raise StoreError(
                f"{str(self.path)!r} is an SQLite file of another program; choose another path"
            )

    def _require_known_schema(self, connection: sqlite3.Connection) -> None:
        schema = _pragma(connection, "PRAGMA user_version")
        newest = len(self.migrations)
        if schema > newest:
            raise NewerFormat(
                f"{str(self.path)!r} has schema {schema}, newer than {newest}; "
                "upgrade optical-memory"
            )

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        end = time.monotonic() + self.busy_timeout
        # a loop, because SQLite does not wait here if two processes create the file at once
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if forbids_writing(error) or time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        schema = _pragma(connection, "PRAGMA user_version")
        for statements in self.migrations[schema:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(schema, len(self.migrations))}")


def file_state(path: Path) -> tuple[int, int]:
    """When a file and its log were last written (ns); 0 for a file that is not there."""
    return _written(path), _written(path.with_name(path.name + "-wal"))


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def page_limit() -> int:
    """How many pages a file may have by the largest size of files of this process."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MAX_PAGES
    n_bytes, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return MAX_PAGES if n_bytes == resource.RLIM_INFINITY else n_bytes // _PAGE_BYTES


# ---- errors --------------------------------------------------------------------------------------


def explain(error: Exception) -> str:
    """An error of SQLite in words, with the way out if there is one."""
    if is_full(error):
        return f"{error}; the disk or a quota may be full: make room, then try again"
    if _code(error) == sqlite3.SQLITE_READONLY:
        return f"{error}; who runs this program needs the right to write the file and its folder"
    return str(error)


def forbids_writing(error: BaseException | None) -> bool:
    """True for an error of a file that may be read, and not written."""
    error = _first_cause(error)
    if isinstance(error, OSError):
        return error.errno in (*_FORBIDDEN, *_FULL)
    return is_full(error) or _code(error) in _UNWRITABLE


def is_full(error: BaseException | None) -> bool:
    """True if there is no room: SQLite calls a file above its allowed size an I/O error."""
    error = _first_cause(error)
    if isinstance(error, OSError):
        return error.errno in _FULL
    return _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def is_locked(error: BaseException) -> bool:
    """True if another process, or another connection of this process, holds the file."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _first_cause(error: BaseException | None) -> BaseException | None:
    """The error behind errors of ours."""
    while isinstance(error, StoreError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _code(error: BaseException | None) -> int:
    """SQLite's primary code of an error; 0 for any other error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _pragma(connection: sqlite3.Connection, statement: str) -> int:
    return int(connection.execute(statement).fetchone()[0])
