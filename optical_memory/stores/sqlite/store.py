"""A store in one SQLite file, with its token cache in a second file beside it.

Commits are durable against power loss (WAL, synchronous=FULL). The cache is a file of its own
(`memory.db` has `memory.db-cache`), so that blobs never slow or bloat the records; deleting it
costs speed and nothing else. Content that a commit deletes or replaces, or that `drop` removes, is
overwritten in the file and gone from its log.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from optical_memory.errors import StoreError
from optical_memory.stores.base import (
    BLOB_TTL,
    Change,
    Delete,
    Kind,
    Put,
    Version,
    conflict,
    from_bytes,
    new_epoch,
    require_ttl,
    to_bytes,
)
from optical_memory.stores.erasures import is_erasing
from optical_memory.stores.sqlite.blobs import BlobFile
from optical_memory.stores.sqlite.dropping import drop_records, finish_drops, has_name, take_name
from optical_memory.stores.sqlite.file import SQLiteFile
from optical_memory.stores.sqlite.opening import is_full
from optical_memory.stores.sqlite.reserve import Reserve
from optical_memory.stores.sqlite.tables import (
    CHANGES,
    OF_KIND,
    RECORDS,
    SCAN,
    apply,
    apply_in_old_pages,
    begin_logs_again,
    id_if_logged,
    log_keys,
    read_version,
    write_version,
)
from optical_memory.stores.sqlite_path import absolute, require_file
from optical_memory.telemetry.store_calls import measure_calls

__all__ = ["SQLiteStore"]

# Seconds to wait for readers of a log. A commit waits briefly, since it is in an agent's turn, and
# the next commit or `check` tries again; `scrub` waits the whole busy timeout.
_COMMIT_PATIENCE = 0.1
_CHECK_PATIENCE = 1.0


@measure_calls("sqlite")
class SQLiteStore:
    """Durable records in `path`, blobs in its cache file. Safe for threads and for several
    processes.

    `busy_timeout` is how long a call waits for another process that writes (seconds), `ttl` how
    long a blob lives by default (seconds). Raises `InputError` for the path `:memory:`, which is no
    file, `StoreError` if the file cannot be opened or is not ours, `NewerFormat` if a newer version
    of this package wrote it.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        busy_timeout: float = 5.0,
        ttl: int = BLOB_TTL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        require_file(Path(path))
        self.path = absolute(Path(path))
        self._ttl = ttl
        self._busy_timeout = busy_timeout
        self._scrub_due = False  # a reader kept the log of the records when it was to be emptied
        self._reserve = Reserve(self.path)
        self._records = SQLiteFile(
            self.path, RECORDS, busy_timeout=busy_timeout, make_room=self._reserve.release
        )
        cache_path = self.path.with_name(self.path.name + "-cache")
        self._cache = BlobFile(cache_path, busy_timeout, clock)
        self._reserve.fill()

    def version(self, session: str) -> Version:
        """The session's version; `Version()` if it was never written or was dropped."""
        with self._records.reading() as db:
            return read_version(db, session)

    def get(self, session: str, kind: Kind, key: str) -> bytes | None:
        """The value of a record; None if there is none."""
        with self._records.reading() as db:
            row = db.execute(
                f"SELECT value FROM records WHERE {OF_KIND} AND key = ?",
                (to_bytes(session), kind, to_bytes(key)),
            ).fetchone()
        return row[0] if row else None

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        """All records of a kind in key order, as of one moment."""
        with self._records.reading() as db:
            address = (to_bytes(session), kind)
            try:  # SQLite makes text of the keys faster than Python, but knows no lone surrogates
                return db.execute(SCAN.format(key="CAST(key AS TEXT)"), address).fetchall()
            except sqlite3.OperationalError as error:
                if hasattr(error, "sqlite_errorcode"):  # SQLite's own error, such as a locked file
                    raise
                rows = db.execute(SCAN.format(key="key"), address)
                return [(from_bytes(key), value) for key, value in rows]

    def keys(self, session: str, kind: Kind) -> list[str]:
        """The keys of all records of a kind, in any order."""
        with self._records.reading() as db:
            rows = db.execute(f"SELECT key FROM records WHERE {OF_KIND}", (to_bytes(session), kind))
            return [from_bytes(key) for (key,) in rows]

    def changes(self, session: str, since: Version) -> list[Change] | None:
        """What was written after `since`, without pictures; None if the log does not say."""
        with self._records.snapshot() as db:
            row_id = id_if_logged(db, session, since)
            if row_id is None:
                return None
            rows = db.execute(CHANGES, (row_id, since.number)).fetchall()
        return [
            Delete(kind, from_bytes(key)) if value is None else Put(kind, from_bytes(key), value)
            for kind, key, value in rows
        ]

    def commit(
        self, session: str, changes: Sequence[Change], expect: Version | None = None
    ) -> Version:
        """Apply all changes or none, durably; return the new version.

        Raises `Conflict` unless the session is at `expect`.
        """
        if is_erasing():
            return self._records.erase(
                lambda: self._commit(session, changes, expect), self._drop_notes
            )
        return self._commit(session, changes, expect)

    def _commit(self, session: str, changes: Sequence[Change], expect: Version | None) -> Version:
        with self._records.writing() as db:
            version = read_version(db, session)
            if expect is not None and expect != version:
                raise conflict(session, version, expect)
            epoch = version.epoch if version.exists else new_epoch()
            successor = Version(epoch, version.number + 1)
            row_id = write_version(db, session, successor)
            has_erased = self._apply(db, row_id, changes)
            log_keys(db, row_id, changes, successor)
        if has_erased or self._scrub_due:
            self._scrub_due = not self._try_to_scrub()
        return successor

    def _apply(self, db: sqlite3.Connection, row_id: int, changes: Sequence[Change]) -> bool:
        """Make the changes; True if content was erased that must leave the log too."""
        if is_erasing():
            apply_in_old_pages(db, row_id, changes)
            return True
        erasures = [apply(db, row_id, change) for change in changes]
        return any(erasures)

    def _drop_notes(self) -> None:
        """Empty the log of changes, so that the file has pages to use again."""
        with suppress(StoreError), self._records.writing() as db:
            begin_logs_again(db)

    def _try_to_scrub(self) -> bool:
        """False if readers keep the log, or the file has no room to take it in."""
        try:
            return self._records.scrub(time.monotonic() + _COMMIT_PATIENCE)
        except StoreError as error:
            if not is_full(error):
                raise
            return False

    def sessions(self) -> list[str]:
        """The names of all sessions, in order."""
        with self._records.reading() as db:
            rows = db.execute("SELECT name FROM sessions ORDER BY name").fetchall()
        return [from_bytes(name) for (name,) in rows if has_name(name)]

    def drop(self, session: str) -> None:
        """Remove every record and blob of a session from the files and their logs; this ends its
        epoch.

        Raises `StoreError` as `scrub` does.
        """
        with self._records.writing():  # raises if nothing may be dropped
            self.drop_blobs(session)  # later, if it is cut short, nobody would know of them
        try:
            self._records.erase(lambda: drop_records(self._records, session))
        except StoreError as error:
            if not is_full(error):
                raise
            take_name(self._records, session)
        self.drop_blobs(session)
        self.scrub()

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        """Cached blobs in the order asked for, None for each that is absent."""
        return self._cache.get(session, keys)

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        """Cache blobs for `ttl` seconds. Raises `InputError` if `ttl` is not positive."""
        seconds = self._ttl if ttl is None else ttl
        require_ttl(seconds)
        self._cache.put(session, blobs, seconds)

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        """Drop these blobs, or all blobs of the session."""
        self._cache.drop(session, keys)

    def scrub(self) -> None:
        """Empty both logs and unused parts of pages; waits the busy timeout for their readers.

        Raises `StoreError` if a reader still keeps a log then.
        """
        self._finish_drops()
        paths = self._records.erase(lambda: self._busy_logs(self._busy_timeout))
        self._reserve.fill()
        if paths:
            raise StoreError(
                f"deleted, but a reader holds the log of {paths[0]}, which keeps the content; "
                "check() tries again"
            )

    def check(self) -> list[str]:
        """Problems of the store itself, one sentence each."""
        sentences = self._records.problems() + self._cache.problems()
        try:
            self._finish_drops()
            paths = self._busy_logs(_CHECK_PATIENCE)
        except StoreError as error:
            return [*sentences, f"the logs cannot be emptied: {error}."]
        for path in paths:
            sentences.append(
                f"a reader holds the log of {path}, which may keep deleted records till it ends."
            )
        self._reserve.fill()
        return sentences

    def close(self) -> None:
        """Close the connections that this store opened."""
        self._records.close()
        self._cache.close()

    def _finish_drops(self) -> None:
        finish_drops(self._records, lambda: self._records.scrub(time.monotonic()))

    def _busy_logs(self, patience: float) -> list[Path]:
        """The files whose logs other processes still keep after `patience` seconds.

        The others are clean then: no part of them has a deleted byte.
        """
        end = time.monotonic() + patience
        files = (self._records, self._cache)
        paths = [file.path for file in files if not self._clean(file, end)]
        self._scrub_due = self.path in paths
        return paths

    def _clean(self, file: SQLiteFile | BlobFile, end: float) -> bool:
        """False if others kept the log, or wrote to it again, until `end` (monotonic)."""
        while file.scrub(end):
            if self._records.is_read_only or file.wipe_slack():
                return True
            if time.monotonic() >= end:
                return False
        return False
