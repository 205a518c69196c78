"""Segments: the same units and postings whether they are built at once, merged, or stored."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.errors import StoreError
from optical_memory.recall.find import rank_units
from optical_memory.search.build import (
    IndexedTurn,
    KeyHash,
    day_number,
    index_terms,
    index_turns,
)
from optical_memory.search.index import Index
from optical_memory.search.index_part import IndexPart
from optical_memory.search.segment import ASKS, NO_DAY, NUMBERS, SEGMENT_TYPES, Segment
from optical_memory.search.segment_bytes import segment_from_bytes, segment_to_bytes
from optical_memory.search.terms import unit_keys

HASH = KeyHash("00" * 16)
WORDS = st.sampled_from(["gate", "code", "heron", "bridge", "4417", "why?", "Tuesday"])
BODIES = st.lists(WORDS, max_size=150).map(" ".join)
NAMES = st.sampled_from([None, "Mel", "Ann"])
TURNS = st.lists(st.tuples(BODIES, NAMES), max_size=6).map(
    lambda items: [IndexedTurn(i, "user", name, None, body) for i, (body, name) in enumerate(items)]
)


def postings(segment: Segment, key: int) -> tuple[np.ndarray, np.ndarray]:
    """The units with a key, and how often each has it."""
    for _, place in segment.places(np.array([key], np.uint64)):
        return segment.units[place], segment.counts[place]
    return segment.units[:0], segment.counts[:0]


def units(segment: Segment) -> list[tuple[object, ...]]:
    """Everything that the segment says of each unit, and its keys with their counts."""
    keys: list[Counter[int]] = [Counter() for _ in range(segment.n_units)]
    for key in segment.keys.tolist():
        rows, counts = postings(segment, key)
        for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
            keys[row][key] = count
    values = []
    for row in range(segment.n_units):
        turn = segment.turns[row]
        speaker = segment.speakers[turn]
        values.append(
            (
                int(segment.ordinals[turn]),
                "" if speaker < 0 else segment.names[speaker],
                int(segment.days[turn]),
                int(segment.starts[row]),
                int(segment.ends[row]),
                int(segment.n_tokens[row]),
                int(segment.n_terms[row]),
                int(segment.flags[row]),
                keys[row],
            )
        )
    return values


@given(TURNS, st.integers(0, 6))
@settings(deadline=None)
def test_segments_merge_to_the_segment_of_all_turns(turns: list[IndexedTurn], n: int) -> None:
    parts = [index_turns(turns[:n], HASH), index_turns(turns[n:], HASH)]
    assert units(Segment.merged(parts)) == units(index_turns(turns, HASH))


@given(TURNS)
@settings(deadline=None)
def test_a_segment_survives_its_bytes(turns: list[IndexedTurn]) -> None:
    segment = index_turns(turns, HASH)
    assert units(segment_from_bytes(segment_to_bytes(segment))) == units(segment)


@given(TURNS, st.sets(st.integers(0, 5)))
@settings(deadline=None)
def test_without_turns_is_the_segment_of_the_others(
    turns: list[IndexedTurn], ordinals: set[int]
) -> None:
    others = [turn for turn in turns if turn.ordinal not in ordinals]
    left = index_turns(turns, HASH).without(ordinals)
    assert units(left) == units(index_turns(others, HASH))
    assert {name for name in left.names if name} <= {turn.name for turn in others}


def test_in_order_stands_a_turn_where_its_ordinal_says() -> None:
    turns = [IndexedTurn(i, "user", None, None, f"heron {i}") for i in (5, 2, 9)]
    ordered = sorted(turns, key=lambda turn: turn.ordinal)
    assert units(index_turns(turns, HASH).in_order()) == units(index_turns(ordered, HASH))


def test_cutting_a_range_takes_its_units_and_closes_the_gap() -> None:
    sentence = "The heron sleeps under the third bridge of the town. "
    body = sentence * 7 + "The gate code is 4417. " * 17 + "Nobody knows the swan. " * 17
    segment = index_turns([IndexedTurn(3, "user", None, None, body)], HASH)
    bounds = [(int(a), int(b)) for a, b in zip(segment.starts, segment.ends, strict=True)]
    start, end = bounds[1]
    left = segment.cut(3, start, end)
    assert len(bounds) > 2
    assert left.n_units == segment.n_units - 1
    assert int(left.starts[1]) == start
    assert len(postings(segment, HASH("4417"))[0]) > len(postings(left, HASH("4417"))[0])
    assert units(segment.cut(4, start, end)) == units(segment)
    with_mark = segment.cut(3, start, end, n_left=6)
    assert int(with_mark.starts[1]) == start + 6
    assert int(with_mark.ends[1]) == int(left.ends[1]) + 6
    assert int(with_mark.ends[0]) == bounds[0][1]


def test_a_unit_says_if_it_asks_and_if_it_has_a_number_or_a_time() -> None:
    bodies = ["Where is it?", "It is on shelf 7.", "We met last Tuesday.", "No idea."]
    turns = [IndexedTurn(i, "user", None, None, body) for i, body in enumerate(bodies)]
    flags = index_turns(turns, HASH).flags.tolist()
    assert flags == [ASKS, NUMBERS, NUMBERS, 0]


def test_days_are_those_of_the_turns_own_zone() -> None:
    evening = datetime.fromisoformat("2026-03-01T23:30:00-05:00")
    assert day_number(evening) == day_number(datetime(2026, 3, 1, tzinfo=UTC))
    assert day_number(None) == NO_DAY


def test_a_turn_whose_text_is_gone_is_found_by_the_terms_that_are_left() -> None:
    turn = IndexedTurn(4, "user", "Mel", None, "")
    segment = index_terms(turn, 10, 50, {"bridges": 2, "4k7q2z": 1}, HASH)
    assert (segment.starts.tolist(), segment.ends.tolist()) == ([10], [60])
    assert postings(segment, HASH("bridg"))[1].tolist() == [2]
    assert postings(segment, HASH("4k7q2z"))[1].tolist() == [1]


def test_a_key_that_no_unit_has_gives_no_postings() -> None:
    segment = index_turns([IndexedTurn(0, "user", None, None, "heron")], HASH)
    assert len(postings(segment, HASH("swan"))[0]) == 0
    assert len(postings(segment, HASH(unit_keys("heron")[0]))[0]) == 1


def test_words_are_hashed_under_the_salt() -> None:
    segment = index_turns([IndexedTurn(0, "user", None, None, "zorblax")], HASH)
    assert b"zorblax" not in segment_to_bytes(segment)
    assert HASH("zorblax") != KeyHash("01" * 16)("zorblax")


def test_arrays_lie_where_numpy_reads_them_without_a_copy() -> None:
    turns = [IndexedTurn(i, "user", "Mel" * i, None, "gate code " * i) for i in range(5)]
    read = segment_from_bytes(segment_to_bytes(index_turns(turns, HASH)))
    for name in ("ordinals", "starts", "keys", "offsets", "units", "counts"):
        assert getattr(read, name).flags.aligned


def test_segments_of_the_first_format_are_read() -> None:
    turns = [IndexedTurn(i, "user", "Mel", None, f"gate code {i}") for i in range(3)]
    segment = replace(
        index_turns(turns, HASH), model="m", vectors=np.arange(15, dtype=np.int8).reshape(3, 5)
    )
    arrays = [getattr(segment, name) for name in SEGMENT_TYPES]
    header = {"v": 1, "names": ["Mel"], "sizes": [len(a) for a in arrays], "model": "m"}
    content = b"".join(array.tobytes() for array in (*arrays, segment.vectors))
    for data in (json.dumps(header).encode() + b"\n" + content, segment_to_bytes(segment)):
        read = segment_from_bytes(data)
        assert units(read) == units(segment)
        assert read.model == "m"
        np.testing.assert_array_equal(read.vectors, segment.vectors)


@pytest.mark.parametrize("data", [b"", b"{", b'{"names": [], "sizes": [1]}\n', b"\xff\xfe"])
def test_bytes_that_are_no_segment_are_refused(data: bytes) -> None:
    with pytest.raises(StoreError, match="search index"):
        segment_from_bytes(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_byte_is_refused_or_points_to_something(data: st.DataObject) -> None:
    turns = [IndexedTurn(i, "user", "Mel", None, f"gate code {i}") for i in range(9)]
    whole = segment_to_bytes(index_turns(turns, HASH))
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= data.draw(st.integers(1, 255))
    try:
        segment = segment_from_bytes(bytes(damaged))
    except StoreError:
        return
    assert len(units(segment)) == segment.n_units
    rank_units(Index([IndexPart(segment)]), "Which gate code in May?", HASH)


def test_a_size_that_is_not_that_of_its_arrays_is_refused() -> None:
    whole = segment_to_bytes(index_turns([IndexedTurn(0, "user", "Mel", None, "gate code")], HASH))
    line, _, content = whole.partition(b"\n")
    header = json.loads(line)
    for i in range(len(header["sizes"])):
        sizes = header["sizes"].copy()
        sizes[i] -= 1
        changed = json.dumps(header | {"sizes": sizes}).encode()
        with pytest.raises(StoreError):
            segment_from_bytes(changed.ljust(len(line)) + b"\n" + content)


def test_an_empty_segment_has_no_units() -> None:
    assert index_turns([], HASH).n_units == 0
    assert Segment.merged([]).n_units == 0
    assert np.array_equal(index_turns([], HASH).offsets, [0])
