"""What a store has lost of a session, seen from what it still has; and how to go on without it."""

from __future__ import annotations

from typing import Final

from optical_memory.session.records import TurnRecord, put, turn_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.turn_heads import turn_head
from optical_memory.stores.base import Put

__all__ = [
    "absent_turns",
    "forgotten_turn",
    "known_ordinals",
    "without_lost_turns",
]


MOST_LOST: Final = 200_000
"""A count that says more turns are gone is no count: twice as many as the longest sessions have."""


def absent_turns(snapshot: Snapshot) -> int:
    """How many acknowledged turns have no record, or stood on pages of which not one is there.

    A server that evicts takes all records of a kind at once.
    """
    n_damaged = sum(kind == "turn" for kind, _ in snapshot.damage)
    n_absent = snapshot.session.next_turn - len(snapshot.turns) - n_damaged
    if n_absent > 0:
        n_absent -= len(_dropped_by_host(snapshot))
    return max(0, n_absent) + _turns_on_absent_pages(snapshot)


def known_ordinals(snapshot: Snapshot) -> set[int]:
    """The numbers of the turns that have records, and of those that a host took away."""
    return {record.ordinal for record in snapshot.turns.values()} | _dropped_by_host(snapshot)


def _dropped_by_host(snapshot: Snapshot) -> set[int]:
    """Numbers of open turns that are in the host's list no more: they have no record."""
    session = snapshot.session
    ordinals: set[int] = set()
    for first, last in session.old_turns:
        ordinals.update(range(max(first, 0), min(last + 1, session.next_turn)))
    return {ordinal for ordinal in ordinals if turn_key(ordinal) not in snapshot.turns}


def _turns_on_absent_pages(snapshot: Snapshot) -> int:
    if snapshot.pages or len(snapshot.open_keys) == len(snapshot.turns):
        return 0
    if any(kind == "page" for kind, _ in snapshot.damage):
        return 0
    return sum(_stands_on_pages_alone(data) for _, data in snapshot.turns.data.pairs())


def _stands_on_pages_alone(data: bytes) -> bool:
    """True if a turn's record names pages and has no text; quotes in a text are escaped."""
    if b'"pages":[' not in data or b'"text":' in data:
        return False
    head = turn_head(data)
    return head.sealed and not head.forgotten


def without_lost_turns(snapshot: Snapshot) -> list[Put]:
    """Writes after which every turn has a record, and those whose text is gone are forgotten.

    The number of a lost turn is not given again, because pages may still name it.
    """
    session = snapshot.session
    ordinals = known_ordinals(snapshot)
    end = max(ordinals, default=-1) + 1
    is_true = session.next_turn - end <= MOST_LOST
    next_turn = max(session.next_turn, end) if is_true else end
    absent = sorted(set(range(next_turn)) - ordinals)
    writes = [forgotten_turn(ordinal) for ordinal in absent]
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
