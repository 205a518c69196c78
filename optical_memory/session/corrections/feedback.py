"""Feedback: a caller says of a turn whether it was of use, and its pages weigh more or less."""

from __future__ import annotations

from itertools import chain

from optical_memory.errors import Forgotten
from optical_memory.session.corrections.versions import turn_named
from optical_memory.session.records import put
from optical_memory.session.snapshot import Change, Snapshot

__all__ = [
    "count_feedback",
]


def count_feedback(snapshot: Snapshot, turn: str, *, useful: bool) -> list[Change]:
    """Writes that count a recall of the turn's pages, or take a recall back.

    The count may fall below 0. There are none for a turn that stands on no page yet. Raises
    `Forgotten` if there is no such turn (any more).
    """
    records = [record for record in turn_named(snapshot, turn) if not record.forgotten]
    if not records:
        raise Forgotten(f"no turn {turn!r}, or it is forgotten already")
    ids = dict.fromkeys(chain.from_iterable(record.pages for record in records))
    pages = [snapshot.pages[id] for id in ids if id in snapshot.pages]
    change = 1 if useful else -1
    return [
        put(page.model_copy(update={"hits": page.hits + change})) for page in pages if page.readable
    ]
