"""`forget(page=…)` and `forget(session=True)`: gone from records, pictures, ledger, index, tokens
and the raw bytes.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.memories import Open
from support.secret_turn import (
    assert_no_trace,
    on_page_with_secret,
    raw,
    said,
)

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.testing import SMALL_LADDER, TemplateReader, turn_texts


@pytest.mark.parametrize("retain", ["pages", "text"])
def test_a_forgotten_page_leaves_no_trace_and_the_others_are_told_as_before(
    opened: Open, url: str, retain: str
):
    memory = opened(retain=retain)
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    others = {p: memory.read(p).text for p in memory._archive.snapshot().pages if p != page}
    memory.forget(page=page)
    assert_no_trace(url)
    with pytest.raises(Forgotten):
        memory.read(page)
    assert {p: memory.read(p).text for p in others} == others
    assert [gone["page"] for gone in memory.stats().forgotten] == [page]
    assert memory.check() == []


def test_a_page_that_faded_away_with_its_text_retained_can_still_be_forgotten(
    opened: Open, url: str
):
    memory = opened(retain="text")
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    memory.fade(capacity=0)
    assert memory.stats().forgotten == []
    memory.forget(page=page)
    assert_no_trace(url)
    assert [gone["page"] for gone in memory.stats().forgotten] == [page]


def test_a_forgotten_page_is_not_brought_back_by_a_host_that_sends_its_history_again(
    opened: Open, url: str
):
    memory = opened(keep_turns=0)
    long = Turn("user", "zorblax flurbington " * 100, id="m5")
    memory.remember([*said(4), long, *said()[6:]])
    memory.flush()
    record = memory._archive.snapshot().turn("m5")
    assert record is not None
    first, *others = record.pages
    memory.forget(page=first)
    assert others
    n = len(memory._archive.snapshot().turns)
    memory.remember([*said(4), long, *said()[6:]])
    assert len(memory._archive.snapshot().turns) == n
    for page in others:
        memory.forget(page=page)
    assert_no_trace(url)
    memory.remember([*said(4), long, *said()[6:]])
    assert_no_trace(url)


def test_a_page_takes_along_its_part_of_a_turn_that_is_still_open(opened: Open, url: str):
    memory = opened(keep_turns=0)
    memory.remember(
        [*said(4), Turn("user", "zorblax flurbington " + "so it goes. " * 60 + "The end.", id="m5")]
    )
    memory.flush()
    page = on_page_with_secret(memory)
    memory.forget(page=page)
    assert_no_trace(url)
    assert memory.recall("end", k=1)[0].text.endswith("The end.")
    memory.remember(said()[6:])
    memory.flush()
    assert memory.check() == []


def test_a_forgotten_session_leaves_no_trace_and_can_begin_again(opened: Open, url: str):
    memory = opened()
    memory.remember(said())
    memory.flush()
    memory.forget(session=True)
    assert_no_trace(url)
    assert b"apples" not in raw(url)
    assert memory.sessions() == []
    assert memory.recall("topic4") == []
    memory.remember(said(1))
    assert turn_texts(memory) == {"m0": said(1)[0].text}


def test_tokens_that_were_being_made_when_their_page_was_forgotten_are_not_cached(
    opened: Open, url: str
):
    memory = opened()
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    record, store = memory._archive.snapshot().pages[page], memory.store
    keys = [memory._cache._key(record, rung) for rung in SMALL_LADDER]
    memory._cache.reader = memory._page_reader.reader = ForgettingReader(memory, page)
    store.drop_blobs("alice")
    with pytest.raises(Forgotten):
        memory.read(page)
    assert store.get_blobs("alice", keys) == [None] * 4


class ForgettingReader(TemplateReader):
    """While it looks at a page, somebody has the page forgotten."""

    def __init__(self, memory: OpticalMemory, page: str) -> None:
        super().__init__()
        self._memory, self._page = memory, page

    def encode(self, images: Any, rung: Any) -> Any:
        self._memory.forget(page=self._page)
        return super().encode(images, rung)
