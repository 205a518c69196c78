"""A session of many pages, written straight into a store: its turns, pages and index are real
records, which repeat those of the bundled conversation.

Sealing 10,000 pages takes hours. The pages here have the layout, ledger and terms of a real page,
but no pictures: the text of every turn is in hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from optical_memory.search.build import IndexedTurn, index_turns
from optical_memory.search.segment import Segment
from optical_memory.session.index_records import key_hash
from optical_memory.session.records import (
    PageRecord,
    SessionRecord,
    TurnRecord,
    page_key,
    put,
    turn_key,
)
from optical_memory.stores.base import Put, Store
from optical_memory.turns import Turn, body

__all__ = [
    "TURNS_A_PAGE",
    "write_long_session",
]

TURNS_A_PAGE = 20
"""Turns on a page. They have about two units each, so a page has about 40 units."""

COMMIT = 20_000
"""Records that are written in a commit."""

SEGMENT_TURNS = 4_096
"""Turns of a segment of the index."""

MINUTES = 5
"""Minutes between two turns."""

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


def write_long_session(
    store: Store, session: str, n_pages: int, turns: Sequence[Turn], page: PageRecord
) -> None:
    """Write a session of `n_pages` pages that repeat `page`, with turns that repeat `turns`."""
    n_turns = n_pages * TURNS_A_PAGE
    record = SessionRecord(next_turn=n_turns)
    changes: list[Put] = [put(record)]
    for change in _records(n_pages, turns, page):
        changes.append(change)
        if len(changes) == COMMIT:
            store.commit(session, changes)
            changes = []
    store.commit(session, [*changes, *_index(n_turns, turns, record.salt)])


def _records(n_pages: int, turns: Sequence[Turn], page: PageRecord) -> Iterator[Put]:
    for i in range(n_pages):
        yield put(page.model_copy(update={"id": page_key(i), "ordinal": i}))
        for ordinal in range(i * TURNS_A_PAGE, (i + 1) * TURNS_A_PAGE):
            turn = replace(turns[ordinal % len(turns)], when=_time(ordinal))
            record = TurnRecord.of(turn, f"t{ordinal}", ordinal)
            update = {"sealed": True, "pages": [page_key(i)], "digest": "0" * 64}
            yield put(record.model_copy(update=update))


def _index(n_turns: int, turns: Sequence[Turn], salt: str) -> Iterator[Put]:
    """Segments of the index; all repeat the first, so that it is built once."""
    first_turns = [
        IndexedTurn(i, turn.role, turn.name, _time(i), f"{body(turn)} Note {i}.")
        for i, turn in enumerate(turns[i % len(turns)] for i in range(min(SEGMENT_TURNS, n_turns)))
    ]
    segment = index_turns(first_turns, key_hash(salt))
    days = timedelta(minutes=MINUTES * SEGMENT_TURNS).days
    for n in range(n_turns // len(first_turns)):
        ordinal = n * len(first_turns)
        yield Put("index", turn_key(ordinal), _moved(segment, ordinal, n * days).to_bytes())


def _moved(segment: Segment, n_turns: int, n_days: int) -> Segment:
    return replace(
        segment,
        ordinals=(segment.ordinals + n_turns).astype(np.int32),
        days=(segment.days + n_days).astype(np.int32),
    )


def _time(ordinal: int) -> datetime:
    return BEGIN + timedelta(minutes=MINUTES * ordinal)
