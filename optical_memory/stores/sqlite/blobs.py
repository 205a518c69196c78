"""The token cache of an SQLite store: blobs with an end of life, in a file that may vanish."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from optical_memory.errors import StoreError
from optical_memory.stores.base import to_bytes
from optical_memory.stores.sqlite.file import SQLiteFile
from optical_memory.stores.sqlite.opening import forbids_writing
from optical_memory.stores.sqlite.tables import CACHE

__all__ = ["BlobFile"]

_DROP_PATIENCE = 0.1  # seconds to wait for readers of the log, in an agent's turn


class BlobFile:
    """Blobs by session and key. Without a file, because none can be made, it holds nothing."""

    def __init__(self, path: Path, busy_timeout: float, clock: Callable[[], float]) -> None:
        self.path = path
        self._busy_timeout = busy_timeout
        self._clock = clock
        self._file = self._open()

    def _open(self) -> SQLiteFile | None:
        """The file; a damaged file is thrown away. None if it is not there and may not be made."""
        try:
            return self._open_file()
        except StoreError as error:
            if not _is_damage(error.__cause__):
                if forbids_writing(error):
                    return None
                raise
        self._unlink()
        return self._open_file()

    def _open_file(self) -> SQLiteFile:
        timeout = self._busy_timeout
        return SQLiteFile(
            self.path, CACHE, synchronous="NORMAL", busy_timeout=timeout, may_vanish=True
        )

    def _unlink(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def get(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        """Blobs in the order of `keys`; None for each that is absent or too old."""
        if self._file is None:
            return [None] * len(keys)
        query = "SELECT value FROM blobs WHERE session = ? AND key = ? AND expires > ?"
        with self._file.reading() as db:
            rows = [
                db.execute(query, (to_bytes(session), to_bytes(key), self._clock())).fetchone()
                for key in keys
            ]
        return [row[0] if row else None for row in rows]

    def put(self, session: str, blobs: dict[str, bytes], seconds: int) -> None:
        """Keep blobs for so many seconds."""
        if self._file is None:
            return
        time_now = self._clock()
        rows = [
            (to_bytes(session), to_bytes(key), time_now + seconds, value)
            for key, value in blobs.items()
        ]
        with self._file.writing() as db:
            db.execute("DELETE FROM blobs WHERE expires <= ?", (time_now,))
            db.executemany(
                "INSERT OR REPLACE INTO blobs (session, key, expires, value) VALUES (?, ?, ?, ?)",
                rows,
            )

    def drop(self, session: str, keys: Sequence[str] | None = None) -> None:
        """Drop these blobs, or all blobs of the session.

        If there is no room to write, the whole file goes.
        """
        if self._file is None:
            return
        name = to_bytes(session)
        try:
            with self._file.writing() as db:
                if keys is None:
                    db.execute("DELETE FROM blobs WHERE session = ?", (name,))
                else:
                    pairs = [(name, to_bytes(key)) for key in keys]
                    db.executemany("DELETE FROM blobs WHERE session = ? AND key = ?", pairs)
            self._file.scrub(time.monotonic() + _DROP_PATIENCE)
        except StoreError as error:
            if not forbids_writing(error):
                raise
            self._discard(error)

    def _discard(self, error: StoreError) -> None:
        """Remove the file and begin a new file. Raises `error` if the folder may not be written."""
        if self._file is not None:
            self._file.close()
        try:
            self._unlink()
        except OSError:
            raise error from error.__cause__
        finally:
            self._file = self._open()

    def scrub(self, end: float) -> bool:
        """As `SQLiteFile.scrub`."""
        return self._file is None or self._file.scrub(end)

    def wipe_slack(self) -> bool:
        """As `SQLiteFile.wipe_slack`."""
        return self._file is None or self._file.wipe_slack()

    def problems(self) -> list[str]:
        """Problems of the file and its disk, one sentence each."""
        return [] if self._file is None else self._file.problems()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _is_damage(error: BaseException | None) -> bool:
    """False for an `OperationalError`, such as a file that is locked or may not be opened."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.OperationalError
    )
