"""Superseding: a later statement takes the place of an older, which stays until it is forgotten."""

from __future__ import annotations

from optical_memory.errors import Forgotten, InputError
from optical_memory.session.corrections.versions import (
    current_version,
    host_id_of,
    turn_meant,
    turn_named,
)
from optical_memory.session.records import TurnRecord, put
from optical_memory.session.snapshot import Change, Snapshot

__all__ = [
    "supersede",
]


def supersede(snapshot: Snapshot, turn: str, by: str) -> list[Change]:
    """Writes after which the turn, and all that it superseded, is superseded by another.

    If the turn is superseded already, the last turn of that chain is superseded. If `by` stands in
    the chain itself, it is current again. Raises `Forgotten` if there is no such turn (any more),
    `InputError` if both are the same turn.
    """
    old = _current(snapshot, turn)
    new = _current(snapshot, by)
    if old.id == new.id:
        raise InputError("a turn cannot supersede itself")
    last = _chain(snapshot, old)[-1]
    if last.id == new.id:
        return []
    changes: list[Change] = [put(last.with_superseding(host_id_of(snapshot, new)))]
    if last.id in [record.id for record in _chain(snapshot, new)]:
        changes.append(put(new.with_superseding(None)))
    return changes


def _current(snapshot: Snapshot, id: str) -> TurnRecord:
    """The current version of a turn. Raises `Forgotten` if there is none."""
    record = current_version(turn_meant(snapshot, id))
    if record is None or record.forgotten:
        raise Forgotten(f"no turn {id!r}, or it is forgotten already")
    return record


def _chain(snapshot: Snapshot, record: TurnRecord) -> list[TurnRecord]:
    """The turn, the turn that superseded it, and so on, without the forgotten."""
    chain = [record]
    while chain[-1].superseded_by is not None:
        next_record = current_version(turn_named(snapshot, chain[-1].superseded_by))
        if next_record is None or next_record.forgotten or next_record in chain:
            break
        chain.append(next_record)
    return chain
