"""Tombstones: what is left of a turn that was forgotten, so that it does not come back.

A host that gives ids is known by them. For a host that gives none, and for files, a digest of the
turn is kept. It is made with a key that is not in the store: whoever has the store alone cannot
test a guess. The key is the variable `OPTICAL_MEMORY_FORGET_KEY`, else a file in the user's data
directory. Machines that share a store must share the variable too. A machine without the key knows
a forgotten turn by its place in the host's list alone.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from platformdirs import user_data_path

from optical_memory.session.records import TurnRecord, turn_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.stores.private_files import private_folder
from optical_memory.stores.sqlite_path import private_opener
from optical_memory.telemetry.event_table import TOMBSTONE_KEY_NOT_KEPT
from optical_memory.telemetry.events import emit
from optical_memory.turns import Turn, body

__all__ = [
    "KEY_VARIABLE",
    "came_back",
    "has_host_id",
    "is_comparable",
    "keyed_digest",
    "known_tombstone",
]

KEY_VARIABLE = "OPTICAL_MEMORY_FORGET_KEY"

KEY_BYTES = 32
"""As long as the digest: a shorter key is weaker, a longer key is no stronger (RFC 2104)."""

TELLING_CHARS = 12
"""A shorter text, such as "Yes, please.", is said again and again: by itself it tells no turn."""


_FILE_ID = re.compile(r"-[0-9a-f]{16}/")
"""In an id that a loader made of a file's name and the digest of its first turn. Under another name
the same message has another id.
"""


def has_host_id(turn: Turn) -> bool:
    """True for a turn that a host named. An id that a loader made names a place in a file."""
    return turn.id is not None and _FILE_ID.search(turn.id) is None


def keyed_digest(digest: str) -> str | None:
    """The tombstone of a turn by its digest. Makes the key if there is none.

    None for a turn without a digest, and if no key can be kept: the log says so.
    """
    if not digest:
        return None
    try:
        return _tombstone(_key() or _new_key(), digest)
    except OSError as error:
        emit(TOMBSTONE_KEY_NOT_KEPT, error=error, variable=KEY_VARIABLE)
        return None


def known_tombstone(snapshot: Snapshot, digest: str) -> str | None:
    """The tombstone of a turn by its digest, if the session has it; else None."""
    if not snapshot.tombstones:
        return None
    try:
        key = _key()
    except OSError:
        return None
    tombstone = None if key is None else _tombstone(key, digest)
    return tombstone if tombstone in snapshot.tombstones else None


def is_comparable(record: TurnRecord) -> bool:
    """True if the turn has a tombstone of this machine's key: it is known by its content."""
    if record.tombstone is None:
        return False
    try:
        key = _key()
    except OSError:
        return False
    return key is not None and record.tombstone.startswith(_key_name(key))


def came_back(
    snapshot: Snapshot, turn: Turn, digest: str, previous_digest: str
) -> TurnRecord | None:
    """The forgotten turn that a turn without a host's id is; None if it is another.

    It has the same content, and stands behind the same turn as then or has a telling text.
    """
    tombstone = known_tombstone(snapshot, digest)
    if tombstone is None:
        return None
    record = snapshot.turns[snapshot.tombstones[tombstone]]
    if len(body(turn)) >= TELLING_CHARS:
        return record
    previous = snapshot.turns.get(turn_key(record.ordinal - 1)) if record.ordinal else None
    if previous is None or not previous_digest:
        return None
    mark = previous.digest or previous.tombstone
    same_marks = (previous_digest, known_tombstone(snapshot, previous_digest))
    return record if mark and mark in same_marks else None


def _tombstone(key: bytes, digest: str) -> str:
    """The name of the key, and the digest under it."""
    return _key_name(key) + hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()


def _key_name(key: bytes) -> str:
    """A few digits by which two keys are told apart."""
    return hmac.new(key, b"name", hashlib.sha256).hexdigest()[:8]


def _key() -> bytes | None:
    """The key; None if there is none yet. Raises `OSError` if its file cannot be read."""
    named_key = os.environ.get(KEY_VARIABLE)
    if named_key:
        return named_key.encode("utf-8", "surrogateescape")
    path = _key_file()
    return path.read_bytes() if path.exists() else None


def _new_key() -> bytes:
    """A new key in its file, or the key that another process put there at the same time."""
    path = _key_file()
    private_folder(path.parent)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with open(draft, "xb", opener=private_opener) as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())  # or a power cut could leave an empty key under its name
    try:
        with suppress(FileExistsError):
            os.link(draft, path)  # all of the file or nothing, and never over another key
    finally:
        draft.unlink()
    return path.read_bytes()


def _key_file() -> Path:
    return user_data_path("optical-memory") / "forget.key"
