"""A part of the search index made anew, from the text and the terms that are there."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache, partial

from optical_memory.search import build
from optical_memory.search.build import IndexedTurn, KeyHash
from optical_memory.search.segment import Segment
from optical_memory.session.placing.turn_places import spans_of, turns_placed_on
from optical_memory.session.records import TurnRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.turns import body

__all__ = [
    "indexed",
    "key_hash",
    "rebuild",
    "segment_of",
]


def rebuild(snapshot: Snapshot) -> Segment:
    """The index of a session that has none, from the text and the terms that are there."""
    hash_key = key_hash(snapshot.session.salt)
    segments: list[Segment] = []
    for record in snapshot.turns.values():
        if record.forgotten or snapshot.session.is_old(record.ordinal):
            continue
        segments.append(segment_of(snapshot, record, hash_key))
    return Segment.merged(segments)


def segment_of(
    snapshot: Snapshot, record: TurnRecord, hash_key: KeyHash, without: Collection[str] = ()
) -> Segment:
    """A turn from its text and, where that is gone, from the terms of its pages.

    A part without terms has no words: it is blank, or a mark of omission on a condensed page.
    """
    turn = indexed(record)
    places = [
        (snapshot.pages[page], span.end - span.body)
        for page, span, _ in spans_of(record, partial(turns_placed_on, snapshot))
        if page not in without
    ]
    end_of_pages = sum(n_chars for _, n_chars in places)
    if record.text is not None:
        end_of_pages -= record.sealed_upto  # that part is in the text too
    segments: list[Segment] = []
    offset = 0
    for page, n_chars in places:
        if offset < end_of_pages:
            counts = page.terms.get(str(record.ordinal), {})
            if counts:
                segments.append(build.index_terms(turn, offset, n_chars, counts, hash_key))
            offset += n_chars
    if record.text is not None:
        segments.append(build.index_turns([turn], hash_key).moved(offset))
    return Segment.merged(segments)


@lru_cache(maxsize=64)
def key_hash(salt: str) -> KeyHash:
    """The hash of a session's keys; it remembers the keys that it has seen."""
    return KeyHash(salt)


def indexed(record: TurnRecord) -> IndexedTurn:
    """The turn as the index takes it."""
    text = body(record.turn)
    return IndexedTurn(record.ordinal, record.role, record.name, record.when, text)
