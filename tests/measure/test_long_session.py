"""A long session that is written straight into a store: real records, and words as a talk has."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from optical_memory.loaders import example
from optical_memory.measure import long_session
from optical_memory.measure.bench.session_file import SessionFile
from optical_memory.measure.long_session import TURNS_A_PAGE, long_session_texts, vary
from optical_memory.search.segment import Segment
from optical_memory.search.segment_bytes import segment_from_bytes
from optical_memory.search.terms import unit_keys
from optical_memory.session.archive import Archive
from optical_memory.session.index_records import rebuild
from optical_memory.testing import TemplateReader
from optical_memory.turns import body

TURNS = example().turns
N_PAGES = 30


@pytest.fixture
def short_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a day, so that 30 pages are a cycle, a block and some turns."""
    monkeypatch.setattr(long_session, "BLOCK_TURNS", 288)
    monkeypatch.setattr(long_session, "CYCLE_TURNS", 2 * 288)


@pytest.mark.usefixtures("short_cycle")
def test_the_written_index_is_that_of_the_written_turns(tmp_path: Path) -> None:
    session = SessionFile.write(tmp_path, N_PAGES, TURNS, TemplateReader())
    with session.open() as memory:
        snapshot = Archive(memory.store, memory.session).snapshot()
        segments = [segment_from_bytes(snapshot.index[key]) for key in sorted(snapshot.index)]
        written = Segment.merged(segments)
        rebuilt = rebuild(snapshot)

    assert [len(segment.ordinals) for segment in segments] == [576, 288, 66]
    for name in ("ordinals", "roles", "days", "turns", "starts", "ends", "keys", "units", "counts"):
        assert np.array_equal(getattr(written, name), getattr(rebuilt, name)), name


@pytest.mark.usefixtures("short_cycle")
def test_its_texts_are_those_of_the_stored_units(tmp_path: Path) -> None:
    session = SessionFile.write(tmp_path, N_PAGES, TURNS, TemplateReader())
    with session.open() as memory:
        snapshot = Archive(memory.store, memory.session).snapshot()
        index = rebuild(snapshot)
        bodies = [body(record.turn) for record in snapshot.turns.values()]
        n_pages = len(snapshot.pages)

    rows = zip(index.turns, index.starts, index.ends, strict=True)
    assert session.texts() == [bodies[turn][start:end] for turn, start, end in rows]
    assert n_pages == N_PAGES


def test_a_page_has_about_forty_units() -> None:
    assert len(long_session_texts(100, TURNS)) / 100 == pytest.approx(40, rel=0.05)


def test_varied_turns_come_in_another_order_and_go_by_the_seed() -> None:
    turns = vary(TURNS, 2 * len(TURNS), seed=0)

    assert len(turns) == 2 * len(TURNS)
    assert turns == vary(TURNS, 2 * len(TURNS), seed=0)
    assert turns != vary(TURNS, 2 * len(TURNS), seed=1)
    first, second = turns[: len(TURNS)], turns[len(TURNS) :]
    assert [turn.id for turn in first] != [turn.id for turn in second]
    assert {turn.id for turn in first} == {turn.id for turn in second}


def test_results_of_tools_still_follow_their_calls() -> None:
    turns = vary(TURNS, len(TURNS), seed=0)
    followed = {(turn.id, turns[i + 1].id) for i, turn in enumerate(turns[:-1]) if turn.tool_calls}
    calls = [(t.id, TURNS[i + 1].id) for i, t in enumerate(TURNS[:-1]) if t.tool_calls]

    assert calls
    assert followed == set(calls)


def test_common_words_are_common_and_most_words_are_rare() -> None:
    texts = long_session_texts(100, TURNS)
    n_units = Counter(key for text in texts for key in set(unit_keys(text)))
    counts = np.array(sorted(n_units.values()))

    assert counts[-1] > 0.1 * len(texts)
    assert np.median(counts) <= 2
    assert len(long_session_texts(1, TURNS)) < TURNS_A_PAGE * 2
