"""Open turns: those that stand on no page yet, or whose end does not."""

from __future__ import annotations

from dataclasses import replace

from optical_memory.session.records import TurnRecord
from optical_memory.turns import Turn, body

__all__ = [
    "open_part",
    "open_turn_id",
]

_PREFIX = "turn "
"""Ids of pages are digits, so no page has an id that begins so."""


def open_turn_id(turn_id: str) -> str:
    """The id of an open turn among pages."""
    return _PREFIX + turn_id


def open_part(record: TurnRecord) -> Turn:
    """The part of an open turn that stands on no page yet: the whole turn, or its end.

    The end of a turn has no id. With the turn's id, the page that holds its beginning would count
    as shown.
    """
    if not record.sealed_upto:
        return replace(record.turn, id=record.host_id or record.id)
    return Turn(
        role=record.role,
        text=body(record.turn)[record.sealed_upto :],
        name=record.name,
        when=record.when,
        tool_call_id=record.tool_call_id,
    )
