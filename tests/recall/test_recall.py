"""Recalling: the page and how it was read, the same with the cache and without, and with the
bundled reader.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.memories import Open
from support.shelf_turns import said

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.errors import StoreError
from optical_memory.profiles import V1_LADDER
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader


def test_recall_finds_the_page_and_says_how_it_was_read(opened: Open):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    (page,) = memory.recall("where is topic7?", k=1)
    assert "Topic7 is on shelf 21" in " ".join(page.text.split())
    assert page.provenance == f"[page {page.ordinal + 1}, read from large, 100 % verified]"
    assert "t7" in page.turns
    assert "".join(page.text[span.start : span.end] for span in page.spans) == page.text


def test_an_open_turn_is_recalled_as_a_turn_and_not_as_a_page(opened: Open):
    memory = opened()
    memory.remember(said(2))
    (turn,) = memory.recall("topic1", k=1)
    assert (turn.page, turn.rung, turn.text) == ("turn t1", "open", said(2)[1].text)
    assert turn.provenance == "[turn t1, original text]"


def test_nothing_is_found_where_no_word_is_shared(opened: Open):
    memory = opened()
    assert memory.recall("topic1") == []
    memory.remember(said(2))
    assert memory.recall("zeppelin") == []


def test_reading_from_the_cache_never_sees_a_picture_and_says_the_same(opened: Open):
    reader = TemplateReader()
    memory = opened(reader=reader)
    memory.remember(said(60))
    memory.flush()
    pages = memory.recall("topic7 shelf", k=5)
    n_encoded = reader.calls["encoded"]
    assert memory.recall("topic7 shelf", k=5) == pages
    assert reader.calls["encoded"] == n_encoded
    memory.store.drop_blobs("alice")
    assert memory.recall("topic7 shelf", k=5) == pages
    n_drawn = sum(page.rung == "large" for page in pages)
    assert n_drawn > 0
    assert reader.calls["encoded"] == n_encoded + n_drawn


def test_dropping_blobs_at_random_moments_changes_nothing_that_is_recalled(opened: Open):
    memory = opened(reader=TemplateReader(misread={"large": 0.03}))
    memory.remember(said(80))
    memory.flush()
    first_answer = [memory.recall(f"topic{n} shelf", k=3) for n in range(20)]
    stop = threading.Event()

    def drop() -> None:
        while not stop.is_set():
            memory.store.drop_blobs("alice")
            time.sleep(0.001)

    thread = threading.Thread(target=drop)
    thread.start()
    try:
        assert [memory.recall(f"topic{n} shelf", k=3) for n in range(20)] == first_answer
    finally:
        stop.set()
        thread.join()


class StoreWithoutCache:
    """A store whose cache fails at every call; its records work."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_blobs(self, *args: object) -> None:
        raise StoreError("no cache today")

    put_blobs = get_blobs


@pytest.fixture
def without_cache(tmp_path: Path) -> Iterator[Any]:
    """The store of the memories that `opened` opens, over a connection whose cache fails."""
    store = SQLiteStore(tmp_path / "memory.db")
    yield StoreWithoutCache(store)
    store.close()


def test_a_cache_that_fails_costs_speed_only_and_is_logged_once(
    opened: Open, without_cache: Any, caplog: pytest.LogCaptureFixture
):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    first_answer = memory.recall("topic7", k=3)
    assert first_answer
    other_memory = opened(store=without_cache)
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert other_memory.recall("topic7", k=3) == first_answer
        assert other_memory.recall("topic7", k=3) == first_answer
    warnings = [record.message for record in caplog.records if record.name == "optical_memory"]
    assert [message.count("no cache today") for message in warnings] == [1]


def test_async_calls_say_what_the_others_say(opened: Open):
    memory = opened()

    async def talk() -> tuple[object, object]:
        await memory.aremember(said(3))
        return await memory.arecall("topic1"), await memory.acontext("topic1")

    assert asyncio.run(talk()) == (memory.recall("topic1"), memory.context("topic1"))


def test_recalls_slow_fading_where_the_policy_says_so(opened: Open):
    memory = opened(policy=ForgettingPolicy(pages_per_hit=5))
    memory.remember(said(60))
    memory.flush()
    page = memory.recall("topic7", k=1)[0].page
    assert memory.inspect(page).record.hits == 1


@pytest.mark.slow
def test_the_bundled_reader_seals_certifies_fades_and_reads_from_cached_tokens(file_url: str):
    reader = PocketReader(ladder=V1_LADDER[2:])
    policy = ForgettingPolicy(floor=0.0)
    with OpticalMemory(
        "alice", store=file_url, reader=reader, keep_turns=0, capacity=150, policy=policy
    ) as memory:
        memory.remember(
            [Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.") for i in range(280)]
        )
        memory.flush()
        stats = memory.stats()
        assert stats.visual_tokens <= 150
        assert set(stats.pages) <= {"small", "tiny", "stub"}
        assert stats.pages.keys() & {"small", "tiny"}
        pages = memory.recall("topic7", k=1)
        memory.store.drop_blobs("alice")
        assert memory.recall("topic7", k=1) == pages
        assert memory.check() == []
