"""Open turns: those that are still text are recalled beside pages, under an id of their own."""

from __future__ import annotations

from collections.abc import Mapping

from optical_memory.counting import count_tokens
from optical_memory.recall.recollection import OPEN, Recollection
from optical_memory.session.records import TurnRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.spans import Span
from optical_memory.turns import Turn, body

__all__ = [
    "is_open_turn_id",
    "open_part",
    "open_turn",
    "open_turn_id",
    "open_turns",
]

_PREFIX = "turn "
"""Ids of pages are digits, so no page has an id that begins so."""


def open_turn_id(turn_id: str) -> str:
    """The id of an open turn among pages."""
    return _PREFIX + turn_id


def is_open_turn_id(id: str) -> bool:
    """True for an id that `open_turn_id` gives; no page has such an id."""
    return id.startswith(_PREFIX)


def open_turns(snapshot: Snapshot, scores: Mapping[str, float]) -> dict[str, Recollection]:
    """The open turns that have a score. Both dicts are by the id that `open_turn_id` gives."""
    recollections: dict[str, Recollection] = {}
    for record in snapshot.open_turns():
        id = open_turn_id(record.id)
        if id in scores:
            recollections[id] = open_turn(record, scores[id], snapshot)
    return recollections


def open_turn(record: TurnRecord, score: float, snapshot: Snapshot) -> Recollection:
    """An open turn as it stands. Its ordinal is behind all pages and all earlier turns."""
    text = body(record.turn)
    return Recollection(
        page=open_turn_id(record.id),
        text=text,
        spans=(Span(0, len(text), "original", 1.0),) if text else (),
        rung=OPEN,
        score=score,
        n_tokens=count_tokens(text),
        turns=(record.id,),
        ordinal=snapshot.next_page + record.ordinal,
    )


def open_part(record: TurnRecord) -> Turn:
    """The part of an open turn that stands on no page yet: the whole turn, or its end.

    The end of a turn has no id. With the turn's id, the page that holds its beginning would count
    as shown.
    """
    if not record.sealed_upto:
        return record.turn
    return Turn(
        role=record.role,
        text=body(record.turn)[record.sealed_upto :],
        name=record.name,
        when=record.when,
        tool_call_id=record.tool_call_id,
    )
