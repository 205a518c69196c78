"""The tables of a store in an SQLite file, and the statements on them.

The functions run in a transaction of the caller's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from optical_memory.stores.base import (
    LOG_VERSIONS,
    Change,
    Delete,
    Put,
    Version,
    is_logged,
    to_bytes,
)

__all__ = [
    "CACHE",
    "CHANGES",
    "OF_KIND",
    "RECORDS",
    "SCAN",
    "apply",
    "apply_in_old_pages",
    "begin_logs_again",
    "id_if_logged",
    "log_keys",
    "read_version",
    "write_version",
]

RECORDS = (
    (
        (
            "CREATE TABLE sessions "
            "(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, version INTEGER NOT NULL)"
        ),
        (
            "CREATE TABLE records (session INTEGER NOT NULL, kind TEXT NOT NULL, "
            "key BLOB NOT NULL, value BLOB NOT NULL, UNIQUE (session, kind, key))"
        ),
    ),
    ("ALTER TABLE sessions ADD COLUMN epoch TEXT NOT NULL DEFAULT ''",),
    (
        # The log is complete for versions above log_start and up to log_end. A program that opened
        # the file before it had a log keeps none: then log_end is behind and the log begins again.
        "ALTER TABLE sessions ADD COLUMN log_end INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN log_start INTEGER NOT NULL DEFAULT 0",
        (
            "CREATE TABLE log (session INTEGER NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL, "
            "version INTEGER NOT NULL, UNIQUE (session, kind, key))"
        ),
        "CREATE INDEX log_by_version ON log (session, version)",
    ),
    # Records have checksums. The tables stay as they are, but an older program must not open the
    # file: it would take every record with a sum for damaged, and pass it over.
    (),
)
CACHE = (
    (
        (
            "CREATE TABLE blobs (session BLOB NOT NULL, key BLOB NOT NULL, "
            "expires REAL NOT NULL, value BLOB NOT NULL, UNIQUE (session, key))"
        ),
        "CREATE INDEX blobs_by_expiry ON blobs (expires)",
    ),
)
CHANGES = (
    "SELECT log.kind, log.key, records.value FROM log LEFT JOIN records "
    "ON (records.session, records.kind, records.key) = (log.session, log.kind, log.key) "
    "WHERE log.session = ? AND log.version > ? ORDER BY log.version, log.kind, log.key"
)
_NOTE = "INSERT OR REPLACE INTO log (session, kind, key, version) VALUES (?, ?, ?, ?)"
OF_KIND = "session = (SELECT id FROM sessions WHERE name = ?) AND kind = ?"
SCAN = f"SELECT {{key}}, value FROM records WHERE {OF_KIND} ORDER BY records.key"

Address = tuple[int, str, bytes]
"""The session's row, the kind and the key of a record."""


def read_version(db: sqlite3.Connection, session: str) -> Version:
    """The session's version; `Version()` if there is no such session."""
    row = db.execute(
        "SELECT epoch, version FROM sessions WHERE name = ?", (to_bytes(session),)
    ).fetchone()
    return Version(*row) if row else Version()


def write_version(db: sqlite3.Connection, session: str, version: Version) -> int:
    """Write the session's version; return the id of its row."""
    name = to_bytes(session)
    db.execute(
        "INSERT INTO sessions (name, epoch, version) VALUES (?, ?, ?) ON CONFLICT (name) "
        "DO UPDATE SET epoch = excluded.epoch, version = excluded.version",
        (name, version.epoch, version.number),
    )
    row_id: int = db.execute("SELECT id FROM sessions WHERE name = ?", (name,)).fetchone()[0]
    return row_id


def id_if_logged(db: sqlite3.Connection, session: str, since: Version) -> int | None:
    """The id of the session's row; None if the log does not say what was written after `since`."""
    row = db.execute(
        "SELECT id FROM sessions WHERE name = ? AND epoch = ? AND log_end = version "
        "AND ? BETWEEN log_start AND version",
        (to_bytes(session), since.epoch, since.number),
    ).fetchone()
    return row[0] if row and since.exists else None


def log_keys(
    db: sqlite3.Connection, session: int, changes: Sequence[Change], version: Version
) -> None:
    """Note the keys of a commit that made `version`, and forget the oldest notes."""
    number = version.number
    log_end, log_start = db.execute(
        "SELECT log_end, log_start FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    if log_end == number - 1 and is_logged(changes):
        log_start = max(log_start, number - LOG_VERSIONS)
    else:
        log_start = number
    db.execute(
        "UPDATE sessions SET log_end = ?, log_start = ? WHERE id = ?", (number, log_start, session)
    )
    db.execute("DELETE FROM log WHERE session = ? AND version <= ?", (session, log_start))
    if log_start < number:
        entries = [
            (session, change.kind, to_bytes(change.key), number)
            for change in changes
            if change.kind != "picture"
        ]
        db.executemany(_NOTE, entries)


def begin_logs_again(db: sqlite3.Connection) -> None:
    """Forget the notes of all sessions: other processes will read their sessions as a whole."""
    db.execute("DELETE FROM log")
    db.execute("UPDATE sessions SET log_start = version, log_end = version")


def apply(db: sqlite3.Connection, session: int, change: Change) -> bool:
    """Make one change; True if it erased content that must leave the log too.

    A new value for the session's own record or for a part of the index does not count: that happens
    at every turn, and a scrub costs two syncs. Words that leave the index leave it in the commit
    that erases their turn or page, which counts.
    """
    address = (session, change.kind, to_bytes(change.key))
    if isinstance(change, Delete):
        return _delete(db, address)
    if _update(db, address, change.value):
        return change.kind not in ("session", "index")
    _insert(db, address, change.value)
    return False


def apply_in_old_pages(db: sqlite3.Connection, session: int, changes: Sequence[Change]) -> None:
    """Make these changes, the old values first gone: so a file that is full has room for the new.

    (An UPDATE takes pages for the new value before it frees those of the old value.)
    """
    latest = {(session, change.kind, to_bytes(change.key)): change for change in changes}
    for address in latest:
        _delete(db, address)
    for address, change in latest.items():
        if isinstance(change, Put):
            _insert(db, address, change.value)


def _delete(db: sqlite3.Connection, address: Address) -> bool:
    deletion = db.execute("DELETE FROM records WHERE session = ? AND kind = ? AND key = ?", address)
    return deletion.rowcount > 0


def _update(db: sqlite3.Connection, address: Address, value: bytes) -> bool:
    update = db.execute(
        "UPDATE records SET value = ? WHERE session = ? AND kind = ? AND key = ?", (value, *address)
    )
    return update.rowcount > 0


def _insert(db: sqlite3.Connection, address: Address, value: bytes) -> None:
    db.execute(
        "INSERT INTO records (session, kind, key, value) VALUES (?, ?, ?, ?)", (*address, value)
    )
