"""Redaction in a session: names of masks, and how many masks its turns have; the day of turns."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from optical_memory.redaction.masks import count_masks, mask_name
from optical_memory.redaction.redact import NameOf
from optical_memory.session.corrections.tombstones import keyed_digest
from optical_memory.session.records import SessionRecord, load_record, put
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.stores.base import Put

__all__ = [
    "mask_names",
    "with_day",
    "with_session_facts",
]

KEY_NAME_CHARS = 8
"""How long the name of the key is at the head of a keyed digest."""


def mask_names(session: str) -> NameOf:
    """Gives the name of a secret's mask: always the same in a session, another in others.

    It is made with the key that tombstones have (`tombstones`), which is not in the store: whoever
    has the store alone cannot test a guess. A mask has no name if no key can be kept.
    """

    def name_of(secret: str) -> str | None:
        text = f"mask\0{session}\0{secret}".encode("utf-8", "surrogatepass")
        digest = keyed_digest(hashlib.sha256(text).hexdigest())
        if digest is None:
            return None
        return mask_name(bytes.fromhex(digest[KEY_NAME_CHARS:]))

    return name_of


def with_session_facts(
    snapshot: Snapshot, changes: Sequence[Change], keep_for: timedelta | None
) -> list[Change]:
    """The changes, and the session's record with the masks and the day of the turns they write."""
    if not changes or snapshot.is_session_damaged:
        return list(changes)
    writes = {(change.kind, change.key): change for change in changes}
    write = writes.get(("session", "session"))
    session = snapshot.session
    if isinstance(write, Put):
        session = load_record(SessionRecord, write.value)
    new_session = session
    n_new = _n_new_masks(snapshot, writes.values())
    if n_new:
        n_masks = max(0, session.masked_secrets + n_new)
        new_session = session.with_fields(masked_secrets=n_masks)
    if keep_for is not None and session.next_turn > snapshot.session.next_turn:
        first_turn = snapshot.session.next_turn
        new_session = with_day(new_session, first_turn, datetime.now(UTC).date(), keep_for)
    if new_session is not session:
        writes["session", "session"] = put(new_session)
    return list(writes.values())


def _n_new_masks(snapshot: Snapshot, changes: Iterable[Change]) -> int:
    """How many masks more the turns have after these changes."""
    n_new = 0
    for change in changes:
        if isinstance(change, Put) and change.kind == "turn":
            n_new += _n_masks(change.value) - _n_masks(snapshot.turns.data.get(change.key, b""))
    return n_new


def with_day(
    session: SessionRecord, first_turn: int, today: date, keep_for: timedelta
) -> SessionRecord:
    """The session, with today as the day of its turns from `first_turn` on.

    The first day counts for all turns before it. Days before the term are left out. A clock that
    goes back adds no day.
    """
    days = session.days
    if days and days[-1][1] >= today:
        return session
    days = [*days, (first_turn if days else 0, today)]
    oldest = today - keep_for - timedelta(days=1)
    n_past = max(0, bisect_right(days, oldest, key=lambda mark: mark[1]) - 1)
    return session.with_fields(days=days[n_past:])


def _n_masks(data: bytes) -> int:
    return count_masks(data.decode("utf-8", "replace")) if b"[secret" in data else 0
