"""An index whose numbers lie, with checksums that match: no crash, no hang, and other turns are
found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from support.index_keys import segments_of
from support.memories import memories

from optical_memory import Turn
from optical_memory.search.segment import SEGMENT_TYPES, Segment
from optical_memory.search.segment_bytes import segment_to_bytes
from optical_memory.stores import Put, SQLiteStore
from optical_memory.stores.protection.checksums import Checksums

N_TURNS = 400
LONGEST = 2.0  # seconds of CPU for questions, windows and a turn; they take some 0.05


def lies(segment: Segment) -> Iterator[Segment]:
    """The segment with a number of an array, or all of it, at the ends of their type."""
    for name, number_type in SEGMENT_TYPES.items():
        kind = np.iinfo(number_type)
        for number in (kind.min, 0, kind.max // 2, kind.max - 1, kind.max):
            array = getattr(segment, name).copy()
            array[len(array) // 2] = number
            yield replace(segment, **{name: array})
            yield replace(segment, **{name: np.full_like(array, number)})


def test_whatever_a_number_of_the_index_says_questions_are_answered_at_once(tmp_path: Path):
    with (
        closing(SQLiteStore(tmp_path / "memory.db")) as store,
        memories(store=store, background=False, keep_turns=3) as opened,
    ):
        memory = opened()
        texts = [f"letter {i}: the pilot has berth {i}" for i in range(N_TURNS)]
        memory.remember([Turn("user", text) for text in texts])
        memory.flush()
        ((key, segment),) = segments_of(store, "alice").items()
        memory.remember(Turn("user", "The heron sleeps."))
        for lie in lies(segment):
            data = Checksums().wrap("alice", "index", key, segment_to_bytes(lie))
            store.commit("alice", [Put("index", key, data)])
            other = opened()
            start = time.process_time()
            assert "heron" in other.recall("Where is the heron?")[0].text
            other.context("Which berth has letter 77?", budget=1_000)
            other.context(budget=1_000)
            other.remember(Turn("user", "A word more.", id="more"))
            assert time.process_time() - start < LONGEST
