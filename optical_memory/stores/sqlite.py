"""A store in one SQLite file, with its token cache in a second file beside it.

Commits are durable against power loss (WAL, synchronous=FULL). The cache is a file of its own
(`memory.db` has `memory.db-cache`) so that blobs never slow or bloat the records; deleting it costs
speed and nothing else. What a commit deletes or replaces, and what `drop` removes, is overwritten
in the file and gone from its log.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from optical_memory.errors import Conflict, StoreError
from optical_memory.stores.base import BLOB_TTL, Delete, Kind, Put, from_bytes, to_bytes
from optical_memory.stores.sqlite_file import SQLiteFile

__all__ = ["SQLiteStore"]

_RECORDS = (
    (
        "CREATE TABLE sessions (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, version INTEGER NOT NULL)",
        "CREATE TABLE records (session INTEGER NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, "
        "UNIQUE (session, kind, key))",
    ),
)
_CACHE = (
    (
        "CREATE TABLE blobs (session BLOB NOT NULL, key BLOB NOT NULL, expires REAL NOT NULL, value BLOB NOT NULL, "
        "UNIQUE (session, key))",
        "CREATE INDEX blobs_by_expiry ON blobs (expires)",
    ),
)
_WHERE = "session = (SELECT id FROM sessions WHERE name = ?) AND kind = ?"
_SCRUB_PATIENCE = (
    0.1  # seconds that a commit waits for readers of the log; `scrub` waits the whole busy timeout
)
_CHECK_PATIENCE = 1.0  # seconds


class SQLiteStore:
    """Durable records in `path`, blobs in its cache file. Safe for threads and for several
    processes.

    `busy_timeout` is how long a call waits for another process that writes (seconds), `ttl` how
    long a blob lives by default (seconds). Raises `StoreError` when the file cannot be opened or is
    not ours.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        busy_timeout: float = 5.0,
        ttl: int = BLOB_TTL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self._ttl = ttl
        self._clock = clock
        self._scrub_due, self._busy_timeout = False, busy_timeout
        self._records = SQLiteFile(self.path, _RECORDS, busy_timeout=busy_timeout)
        self._cache = _open_cache(self.path.with_name(self.path.name + "-cache"), busy_timeout)

    def version(self, session: str) -> int:
        with self._records.reading() as db:
            row = db.execute(
                "SELECT version FROM sessions WHERE name = ?", (to_bytes(session),)
            ).fetchone()
        return row[0] if row else 0

    def get(self, session: str, kind: Kind, key: str) -> bytes | None:
        with self._records.reading() as db:
            row = db.execute(
                f"SELECT value FROM records WHERE {_WHERE} AND key = ?",
                (to_bytes(session), kind, to_bytes(key)),
            ).fetchone()
        return row[0] if row else None

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        with self._records.reading() as db:
            rows = db.execute(
                f"SELECT key, value FROM records WHERE {_WHERE} ORDER BY key",
                (to_bytes(session), kind),
            ).fetchall()
        return [(from_bytes(key), value) for key, value in rows]

    def commit(
        self, session: str, changes: Sequence[Put | Delete], expect: int | None = None
    ) -> int:
        with self._records.writing() as db:
            row_id, version = _find(db, session)
            if expect is not None and expect != version:
                raise Conflict(
                    f"session {session!r} is at version {version}, not {expect}; read again and retry"
                )
            erased = [_apply(db, row_id, change) for change in changes]
            db.execute("UPDATE sessions SET version = version + 1 WHERE id = ?", (row_id,))
        if any(erased) or self._scrub_due:
            self._scrub_due = not self._records.scrub(time.monotonic() + _SCRUB_PATIENCE)
        return version + 1

    def sessions(self) -> list[str]:
        with self._records.reading() as db:
            return [
                from_bytes(name)
                for (name,) in db.execute("SELECT name FROM sessions ORDER BY name")
            ]

    def drop(self, session: str) -> None:
        """Remove a session's every record and blob from the files and their logs; raises
        `StoreError` as `scrub`.
        """
        name = to_bytes(session)
        with self._records.writing() as db:
            db.execute(
                "DELETE FROM records WHERE session = (SELECT id FROM sessions WHERE name = ?)",
                (name,),
            )
            db.execute("DELETE FROM sessions WHERE name = ?", (name,))
        self.drop_blobs(session)
        self.scrub()

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        query = "SELECT value FROM blobs WHERE session = ? AND key = ? AND expires > ?"
        with self._cache.reading() as db:
            rows = [
                db.execute(query, (to_bytes(session), to_bytes(key), self._clock())).fetchone()
                for key in keys
            ]
        return [row[0] if row else None for row in rows]

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        seconds = self._ttl if ttl is None else ttl
        if seconds <= 0:
            raise ValueError(f"ttl must be positive, not {ttl!r}")
        now = self._clock()
        rows = [
            (to_bytes(session), to_bytes(key), now + seconds, value) for key, value in blobs.items()
        ]
        with self._cache.writing() as db:
            db.execute("DELETE FROM blobs WHERE expires <= ?", (now,))
            db.executemany(
                "INSERT OR REPLACE INTO blobs (session, key, expires, value) VALUES (?, ?, ?, ?)",
                rows,
            )

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        name = to_bytes(session)
        with self._cache.writing() as db:
            if keys is None:
                db.execute("DELETE FROM blobs WHERE session = ?", (name,))
            else:
                pairs = [(name, to_bytes(key)) for key in keys]
                db.executemany("DELETE FROM blobs WHERE session = ? AND key = ?", pairs)
        self._cache.scrub(time.monotonic() + _SCRUB_PATIENCE)

    def scrub(self) -> None:
        """Empty both logs, waiting for readers of them for the busy timeout. Raises `StoreError` if
        one stays.
        """
        if held := self._held(self._busy_timeout):
            raise StoreError(
                f"deleted, but a reader holds the log of {held[0]}, which keeps it; check() tries again"
            )

    def check(self) -> list[str]:
        found = self._records.problems() + self._cache.problems()
        for path in self._held(_CHECK_PATIENCE):
            found.append(f"a reader holds the log of {path}, where deleted records may remain.")
        return found

    def _held(self, patience: float) -> list[Path]:
        """The files whose logs another process keeps for so many seconds."""
        until = time.monotonic() + patience
        held = [file.path for file in (self._records, self._cache) if not file.scrub(until)]
        self._scrub_due = self.path in held
        return held

    def close(self) -> None:
        self._records.close()
        self._cache.close()


def _open_cache(path: Path, busy_timeout: float) -> SQLiteFile:
    """The cache file; a damaged one is thrown away, since it may vanish anyway."""
    try:
        return SQLiteFile(path, _CACHE, synchronous="NORMAL", busy_timeout=busy_timeout)
    except StoreError as error:
        if not isinstance(error.__cause__, sqlite3.DatabaseError) or isinstance(
            error.__cause__, sqlite3.OperationalError
        ):
            raise
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return SQLiteFile(path, _CACHE, synchronous="NORMAL", busy_timeout=busy_timeout)


def _find(db: sqlite3.Connection, session: str) -> tuple[int, int]:
    """Row id and version of a session, which is made at version 0 when it is new."""
    name = to_bytes(session)
    db.execute("INSERT OR IGNORE INTO sessions (name, version) VALUES (?, 0)", (name,))
    row_id, version = db.execute(
        "SELECT id, version FROM sessions WHERE name = ?", (name,)
    ).fetchone()
    return row_id, version


def _apply(db: sqlite3.Connection, session: int, change: Put | Delete) -> bool:
    """Make one change; True when it erased content that must leave the log too.

    Replacing the session's own record is left out: it happens at every turn, and a scrub costs two
    syncs.
    """
    where = (session, change.kind, to_bytes(change.key))
    if isinstance(change, Delete):
        gone = db.execute("DELETE FROM records WHERE session = ? AND kind = ? AND key = ?", where)
        return gone.rowcount > 0
    updated = db.execute(
        "UPDATE records SET value = ? WHERE session = ? AND kind = ? AND key = ?",
        (change.value, *where),
    )
    if updated.rowcount == 0:
        db.execute(
            "INSERT INTO records (session, kind, key, value) VALUES (?, ?, ?, ?)",
            (*where, change.value),
        )
        return False
    return change.kind != "session"
