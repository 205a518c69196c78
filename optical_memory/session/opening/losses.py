"""What a store has lost of a session, seen from what it still has; and how to go on without it."""

from __future__ import annotations

from optical_memory.session.records import TurnRecord, put, turn_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.turn_heads import turn_head
from optical_memory.stores.base import Kind, Put

__all__ = [
    "absent_turns",
    "forgotten_turn",
    "without_lost_turns",
]


def absent_turns(snapshot: Snapshot) -> int:
    """How many acknowledged turns are gone: all of them, or those on pages of which none is there.

    A server that evicts takes all records of a kind at once. (Single records are absent without a
    loss too: a host's list takes away turns that no page holds.)
    """
    if not snapshot.turns and not _has_damaged(snapshot, "turn"):
        return snapshot.session.next_turn
    return _turns_on_absent_pages(snapshot)


def _turns_on_absent_pages(snapshot: Snapshot) -> int:
    if snapshot.pages or len(snapshot.open_keys) == len(snapshot.turns):
        return 0
    if _has_damaged(snapshot, "page"):
        return 0
    return sum(_stands_on_pages_alone(data) for _, data in snapshot.turns.data.pairs())


def _has_damaged(snapshot: Snapshot, kind: Kind) -> bool:
    return any(damaged_kind == kind for damaged_kind, _ in snapshot.damage)


def _stands_on_pages_alone(data: bytes) -> bool:
    """True if a turn's record names pages and has no text; quotes in a text are escaped."""
    if b'"pages":[' not in data or b'"text":' in data:
        return False
    head = turn_head(data)
    return head.sealed and not head.forgotten


def without_lost_turns(snapshot: Snapshot) -> list[Put]:
    """Writes after which lost turns are forgotten, and the session counts right.

    The number of a lost turn is not given again, because pages may still name it.
    """
    session = snapshot.session
    ordinals = [record.ordinal for record in snapshot.turns.values()]
    next_turn = max(ordinals) + 1 if ordinals else session.next_turn
    writes = [] if ordinals else [forgotten_turn(ordinal) for ordinal in range(next_turn)]
    for record in snapshot.turns.values():
        if record.pages and not record.forgotten and not _has_page(snapshot, record):
            update = {"forgotten": True, "sealed": True, "pages": []}
            writes.append(put(record.without_content().model_copy(update=update)))
    if writes or next_turn != session.next_turn:
        lost_turns = session.lost_turns + len(writes)
        writes.append(put(session.with_fields(next_turn=next_turn, lost_turns=lost_turns)))
    return writes


def _has_page(snapshot: Snapshot, turn: TurnRecord) -> bool:
    """True if a page of the turn is there, or its text."""
    return turn.text is not None or any(
        page in snapshot.pages or ("page", page) in snapshot.damage for page in turn.pages
    )


def forgotten_turn(ordinal: int) -> Put:
    """The record that takes the place of a damaged or lost record."""
    key = turn_key(ordinal)
    turn = TurnRecord(
        id=f"damaged-{key}", ordinal=ordinal, role="user", digest="", forgotten=True, sealed=True
    )
    return put(turn)
