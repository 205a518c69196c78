"""Recalling: the page and how it was read, the same with the cache and without, and with the
bundled reader.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any

import pytest
from support.shelf_turns import Open, said

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.errors import StoreError
from optical_memory.profiles import V1_LADDER
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.stores import Store
from optical_memory.testing import TemplateReader


def test_recall_finds_the_page_and_says_how_it_was_read(opened: Open):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    (found,) = memory.recall("where is topic7?", k=1)
    assert "Topic7 is on shelf 21" in " ".join(found.text.split())
    assert found.provenance == f"[page {found.ordinal + 1}, read from large, 100 % verified]"
    assert "t7" in found.turns
    assert "".join(found.text[span.start : span.end] for span in found.spans) == found.text


def test_an_open_turn_is_recalled_as_a_turn_and_not_as_a_page(opened: Open):
    memory = opened()
    memory.remember(said(2))
    (found,) = memory.recall("topic1", k=1)
    assert (found.page, found.rung, found.text) == ("turn t1", "open", said(2)[1].text)
    assert found.provenance == "[turn t1, original text]"


def test_nothing_is_found_where_no_word_is_shared(opened: Open):
    memory = opened()
    assert memory.recall("topic1") == []
    memory.remember(said(2))
    assert memory.recall("zeppelin") == []


def test_reading_from_the_cache_never_sees_a_picture_and_says_the_same(opened: Open):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    assert isinstance(memory.reader, TemplateReader)
    first = memory.recall("topic7 shelf", k=5)
    seen = memory.reader.calls["encoded"]
    assert memory.recall("topic7 shelf", k=5) == first
    assert memory.reader.calls["encoded"] == seen
    memory.store.drop_blobs("alice")
    assert memory.recall("topic7 shelf", k=5) == first
    assert memory.reader.calls["encoded"] == seen + len([r for r in first if r.rung == "large"])


def test_dropping_blobs_at_random_moments_changes_nothing_that_is_recalled(opened: Open):
    memory = opened(reader=TemplateReader(misread={"large": 0.03}))
    memory.remember(said(80))
    memory.flush()
    expected = [memory.recall(f"topic{n} shelf", k=3) for n in range(20)]
    done = threading.Event()

    def drop() -> None:
        while not done.is_set():
            memory.store.drop_blobs("alice")
            time.sleep(0.001)

    thread = threading.Thread(target=drop)
    thread.start()
    try:
        assert [memory.recall(f"topic{n} shelf", k=3) for n in range(20)] == expected
    finally:
        done.set()
        thread.join()


class NoCache:
    """A store whose cache is broken; records work."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_blobs(self, *args: object) -> None:
        raise StoreError("no cache today")

    put_blobs = get_blobs


def test_a_cache_that_fails_costs_speed_only_and_is_logged_once(
    opened: Open, caplog: pytest.LogCaptureFixture
):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    expected = memory.recall("topic7", k=3)
    memory.archive.store = NoCache(memory.store)  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert memory.recall("topic7", k=3) == expected
        assert memory.recall("topic7", k=3) == expected
    ours = [record.message for record in caplog.records if record.name == "optical_memory"]
    assert [message.count("no cache today") for message in ours] == [1]


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
    assert memory.archive.snapshot().pages[page].hits == 1


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
        found = memory.recall("topic7", k=1)
        memory.store.drop_blobs("alice")
        assert memory.recall("topic7", k=1) == found
        assert memory.check() == []
