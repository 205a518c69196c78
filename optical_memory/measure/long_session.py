"""A session of many pages, written straight into a store: its turns, pages and index are real
records.

Sealing 10,000 pages takes hours. The pages here have the rows, ledger and terms of a real page,
but no pictures: the text of every turn is in hand. The turns are those of a short talk, again and
again. Each time they come in another order and say a few rare words and a number more, so that the
index has common words and rare words as that of a long talk has.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, product

import numpy as np

from optical_memory.search.build import IndexedTurn, KeyHash, index_turns
from optical_memory.search.segment import Segment
from optical_memory.search.segment_bytes import segment_to_bytes
from optical_memory.search.units import cut_units
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
    "long_session_texts",
    "vary",
    "write_long_session",
]

TURNS_A_PAGE = 31
"""Turns on a page. They have about 1.3 units each, so a page has about 40 units."""

COMMIT = 20_000
"""Records that are written in a commit."""

MINUTES = 5
"""Minutes between two turns."""

BLOCK_TURNS = 14 * 24 * 60 // MINUTES
"""Turns that are indexed at a time: those of two weeks, so that a copy of them moves by days."""

BLOCKS = 4
"""Blocks with turns of their own; then they repeat. Their index is merged, as a session does it.
To index four takes six seconds.
"""

CYCLE_TURNS = BLOCKS * BLOCK_TURNS

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


# ---- turns ---------------------------------------------------------------------------------------


RARE_WORDS = 60_000
"""Rare words to draw from: as many as an unabridged dictionary of everyday use."""

RARE_WORDS_A_TURN = 3

RANK_OFFSET = 50
"""Word `rank` is drawn as often as 1 / (rank + this), by Zipf's law without its common words. The
most frequent comes in a turn of 120, a word of the middle in one of 70,000.
"""

_SYLLABLES = ["".join(letters) for letters in product("bdfgklmnprstvz", "aiou")]


def vary(turns: Sequence[Turn], n: int, seed: int) -> list[Turn]:
    """`n` turns that repeat these, each time in another order and with other rare words.

    A user's turn and the answers to it stay together.
    """
    chance = random.Random(seed)
    exchanges = _exchanges(turns)
    weights = list(accumulate(1 / (rank + RANK_OFFSET) for rank in range(RARE_WORDS)))
    ranks = range(RARE_WORDS)
    talk: list[Turn] = []
    while len(talk) < n:
        for turn in chain.from_iterable(chance.sample(exchanges, len(exchanges))):
            sample = chance.choices(ranks, cum_weights=weights, k=RARE_WORDS_A_TURN)
            note = " ".join(_rare_word(rank) for rank in sample)
            text = f"{turn.text} {note} {chance.randrange(10_000, 100_000)}."
            talk.append(replace(turn, text=text))
    return talk[:n]


def _exchanges(turns: Sequence[Turn]) -> list[list[Turn]]:
    """The turns in runs that begin with a user's turn."""
    exchanges: list[list[Turn]] = [[]]
    for turn in turns:
        if turn.role == "user":
            exchanges.append([])
        exchanges[-1].append(turn)
    return exchanges


def _rare_word(rank: int) -> str:
    """A word of three syllables, another for each rank."""
    word = ""
    number = rank + len(_SYLLABLES) ** 2
    while number:
        number, syllable = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[syllable]
    return word


def long_session_texts(n_pages: int, turns: Sequence[Turn], seed: int = 0) -> list[str]:
    """The texts of all units that `write_long_session` writes, in order."""
    n_turns = n_pages * TURNS_A_PAGE
    cycle = _cycle(n_turns, turns, seed)
    n_cycles, n_left = divmod(n_turns, len(cycle))
    return _unit_texts(cycle) * n_cycles + _unit_texts(cycle[:n_left])


def _cycle(n_turns: int, turns: Sequence[Turn], seed: int) -> list[Turn]:
    """The turns of a long session until they repeat: turn `i` is like turn `i % CYCLE_TURNS`."""
    return vary(turns, min(n_turns, CYCLE_TURNS), seed)


def _unit_texts(turns: Sequence[Turn]) -> list[str]:
    texts: list[str] = []
    for turn in turns:
        text = body(turn)
        texts += [text[start:end] for start, end in cut_units(text)]
    return texts


# ---- records -------------------------------------------------------------------------------------


def write_long_session(
    store: Store,
    session: str,
    n_pages: int,
    turns: Sequence[Turn],
    page: PageRecord,
    seed: int = 0,
) -> None:
    """Write a session of `n_pages` pages that repeat `page`, with turns that vary `turns`."""
    n_turns = n_pages * TURNS_A_PAGE
    cycle = _cycle(n_turns, turns, seed)
    record = SessionRecord(next_turn=n_turns)
    changes: list[Put] = [put(record)]
    for change in chain(_pages(n_pages, page), _turns(n_turns, cycle)):
        changes.append(change)
        if len(changes) == COMMIT:
            store.commit(session, changes)
            changes = []
    store.commit(session, [*changes, *_index(n_turns, cycle, key_hash(record.salt))])


def _pages(n_pages: int, page: PageRecord) -> Iterator[Put]:
    """Copies of a page. Their spans go: the text of the page is not that of these turns."""
    layout = {**(page.layout or {}), "spans": []}
    for i in range(n_pages):
        update = {"id": page_key(i), "ordinal": i, "layout": layout}
        yield put(page.model_copy(update=update))


def _turns(n_turns: int, cycle: Sequence[Turn]) -> Iterator[Put]:
    records = [_sealed(turn) for turn in cycle]
    for ordinal in range(n_turns):
        update = {
            "id": f"t{ordinal}",
            "ordinal": ordinal,
            "when": _time(ordinal),
            "pages": [page_key(ordinal // TURNS_A_PAGE)],
        }
        yield put(records[ordinal % len(records)].model_copy(update=update))


def _sealed(turn: Turn) -> TurnRecord:
    """The record of a turn that stands on a page and keeps its text, as with `retain="text"`."""
    update = {"digest": "0" * 64, "sealed": True, "sealed_upto": len(body(turn))}
    return TurnRecord.of(turn, "", 0).model_copy(update=update)


# ---- index ---------------------------------------------------------------------------------------


def _index(n_turns: int, cycle: Sequence[Turn], hash_key: KeyHash) -> Iterator[Put]:
    """Segments of the index: of whole cycles, of whole blocks, and of the turns that are left."""
    n_cycles, n_more = divmod(n_turns, CYCLE_TURNS)
    first_blocks = range(0, len(cycle) - BLOCK_TURNS + 1, BLOCK_TURNS)
    blocks = [_segment(cycle, first, BLOCK_TURNS, hash_key) for first in first_blocks]
    if n_cycles:
        cycle_segment = Segment.merged(blocks)
        for n in range(n_cycles):
            yield _put_moved(cycle_segment, n)
    n_blocks, n_left = divmod(n_more, BLOCK_TURNS)
    for segment in blocks[:n_blocks]:
        yield _put_moved(segment, n_cycles)
    if n_left:
        yield _put_moved(_segment(cycle, n_blocks * BLOCK_TURNS, n_left, hash_key), n_cycles)


def _segment(cycle: Sequence[Turn], first: int, n: int, hash_key: KeyHash) -> Segment:
    """The index of `n` turns of the first cycle."""
    turns = [
        IndexedTurn(i, turn.role, turn.name, _time(i), body(turn))
        for i, turn in enumerate(cycle[first : first + n], first)
    ]
    return index_turns(turns, hash_key)


def _put_moved(segment: Segment, n_cycles: int) -> Put:
    """The write of a segment, so many cycles later."""
    days = timedelta(minutes=MINUTES * CYCLE_TURNS).days * n_cycles
    ordinals = (segment.ordinals + n_cycles * CYCLE_TURNS).astype(np.int32)
    copy = replace(segment, ordinals=ordinals, days=(segment.days + days).astype(np.int32))
    return Put("index", turn_key(int(ordinals[0])), segment_to_bytes(copy))


def _time(ordinal: int) -> datetime:
    return BEGIN + timedelta(minutes=MINUTES * ordinal)
