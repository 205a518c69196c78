"""Dropping a session in pieces, each of which needs little room on the disk.

A single transaction that overwrites a large session needs as much room in the log as the session
has. So the session loses its name first, in one transaction; then nobody finds it any more, and it
goes in pieces. What is cut short is finished by the next call.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from typing import Final

from optical_memory.stores.base import to_bytes
from optical_memory.stores.sqlite.file import SQLiteFile

__all__ = [
    "drop_records",
    "finish_drops",
    "has_name",
    "take_name",
]

_NAMELESS: Final = b"\xff"
"""Begins the name of a session that is being dropped; no text in UTF-8 begins so."""

_PIECE_BYTES: Final = 1 << 18
"""Of records that go in one transaction: a quarter of what is kept for erasures."""

_PIECE_NOTES: Final = 1024
"""Notes in the log of changes that go in one transaction: about 100 kB with their indexes."""


def has_name(name: bytes) -> bool:
    """False for a session that is being dropped."""
    return not name.startswith(_NAMELESS)


def drop_records(file: SQLiteFile, session: str) -> None:
    """Remove a session with its records, in one transaction."""
    name = to_bytes(session)
    with file.writing() as db:
        for table in ("records", "log"):
            db.execute(
                f"DELETE FROM {table} WHERE session = (SELECT id FROM sessions WHERE name = ?)",
                (name,),
            )
        db.execute("DELETE FROM sessions WHERE name = ?", (name,))


def take_name(file: SQLiteFile, session: str) -> None:
    """Let nobody find the session any more."""
    nameless = _NAMELESS + secrets.token_bytes(16)
    with file.writing() as db:
        db.execute("UPDATE sessions SET name = ? WHERE name = ?", (nameless, to_bytes(session)))


def finish_drops(file: SQLiteFile, empty_log: Callable[[], object]) -> None:
    """Remove all sessions without a name, in pieces; `empty_log` makes room after each."""
    with file.reading() as db:
        query = "SELECT id FROM sessions WHERE name >= ?"
        ids = [row_id for (row_id,) in db.execute(query, (_NAMELESS,))]
    for row_id in ids:
        for drop_piece in (_drop_some_records, _drop_some_notes):
            while drop_piece(file, row_id):
                empty_log()
        with file.writing() as db:
            db.execute("DELETE FROM sessions WHERE id = ?", (row_id,))


def _drop_some_records(file: SQLiteFile, row_id: int) -> bool:
    """Remove a few records of a session; False if there are none."""
    with file.writing() as db:
        query = "SELECT rowid, length(value) FROM records WHERE session = ?"
        rows = _first_rows(db.execute(query, (row_id,)))
        db.executemany("DELETE FROM records WHERE rowid = ?", rows)
    return bool(rows)


def _first_rows(rows: sqlite3.Cursor) -> list[tuple[int]]:
    """The first of these (row id, bytes), at least one, that make a piece."""
    piece: list[tuple[int]] = []
    n_bytes = 0
    for row_id, size in rows:
        n_bytes += size
        if piece and n_bytes > _PIECE_BYTES:
            break
        piece.append((row_id,))
    return piece


def _drop_some_notes(file: SQLiteFile, row_id: int) -> bool:
    """Remove some notes of a session from the log of changes; False if there are none."""
    with file.writing() as db:
        deletion = db.execute(
            "DELETE FROM log WHERE rowid IN (SELECT rowid FROM log WHERE session = ? LIMIT ?)",
            (row_id, _PIECE_NOTES),
        )
    return deletion.rowcount > 0
