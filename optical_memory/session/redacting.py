"""Redaction in a session: names of masks, and how many masks its turns have."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from optical_memory.redaction.masks import count_masks, mask_name
from optical_memory.redaction.redact import NameOf
from optical_memory.session.corrections.tombstones import keyed_digest
from optical_memory.session.records import SessionRecord, load_record, put
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.stores.base import Put

__all__ = [
    "mask_names",
    "with_mask_count",
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


def with_mask_count(snapshot: Snapshot, changes: Sequence[Change]) -> list[Change]:
    """The changes, and the session's record with the masks in the turns that they write."""
    n_new = 0
    writes = {(change.kind, change.key): change for change in changes}
    for change in writes.values():
        if isinstance(change, Put) and change.kind == "turn":
            n_new += _n_masks(change.value) - _n_masks(snapshot.turns.data.get(change.key, b""))
    if not n_new or snapshot.is_session_damaged:
        return list(changes)
    write = writes.get(("session", "session"))
    session = snapshot.session
    if isinstance(write, Put):
        session = load_record(SessionRecord, write.value)
    n_masks = max(0, session.masked_secrets + n_new)
    writes["session", "session"] = put(session.with_fields(masked_secrets=n_masks))
    return list(writes.values())


def _n_masks(data: bytes) -> int:
    return count_masks(data.decode("utf-8", "replace")) if b"[secret" in data else 0
